import type { RefusedSessions } from '../stream/refused-sessions.ts';
import type { Part } from './part.ts';

/** A node's proposal stream, as all replicas know it. */
export interface StreamView {
  readonly node: string;
  /** Where the stream was opened: names it. */
  readonly epoch: number;
  /** Of the node's process. */
  readonly run: string;
  /** Of its last command that is over; 0: none. */
  readonly number: number;
  /** Where what the node held went to others last; 0: never. */
  readonly lapsedAt: number;
  /** Parts of a transaction whose end has not been applied. */
  readonly parts: readonly Part[];
  /** An entry of the log is lost, perhaps one of this stream: the next command's number may be any higher one. */
  readonly gap: boolean;
  /** Queues of which the node may hold messages. */
  readonly marks: ReadonlySet<string>;
  /** Of which nothing more may take effect: see `RefusedSessions`. */
  readonly refused: ReadonlyMap<number, number>;
}

export class Stream implements StreamView {
  readonly node: string;
  readonly epoch: number;
  readonly run: string;
  number = 0;
  lapsedAt = 0;
  parts: Part[] = [];
  marks: Set<string> = new Set();
  refused: RefusedSessions = new Map();
  gap = false;

  constructor(node: string, epoch: number, run: string) {
    this.node = node;
    this.epoch = epoch;
    this.run = run;
  }
}
