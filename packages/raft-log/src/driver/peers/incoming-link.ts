import type { Connection, ConnectionHandlers, NodeId } from '@lockstep/kernel';
import { FrameReader } from './frames.ts';
import type { Hello, LocalIdentity, MemberState } from './hello.ts';
import { decodeMessage } from './messages.ts';
import type { PeerMessage } from './messages.ts';
import type { RecordParser } from './raft-messages.ts';

export interface IncomingOptions {
  readonly local: () => LocalIdentity;
  readonly parseRecords: RecordParser;
  readonly frameBytesMax: number;
}

export interface IncomingEvents {
  message(message: PeerMessage): void;
  /** What it sent is not to be believed; the connection is closed. */
  violated(text: string): void;
  closed(): void;
}

/** A connection on which a peer that has proved itself speaks to this node. */
export class IncomingLink implements ConnectionHandlers {
  readonly hello: Hello;
  readonly #connection: Connection;
  readonly #options: IncomingOptions;
  readonly #events: IncomingEvents;
  readonly #reader: FrameReader;
  /** The peer's, as it last said on this connection. */
  #state: MemberState;
  #clusterId: string | null;
  #over = false;
  /** Milliseconds of ticks since the last byte. */
  silentMs = 0;

  constructor(connection: Connection, hello: Hello, options: IncomingOptions, events: IncomingEvents) {
    this.#connection = connection;
    this.hello = hello;
    this.#options = options;
    this.#events = events;
    this.#reader = new FrameReader(options.frameBytesMax);
    this.#state = hello.state;
    this.#clusterId = hello.clusterId;
  }

  get peer(): NodeId {
    return this.hello.node;
  }

  data(chunk: Uint8Array): void {
    if (this.#over) return;
    this.silentMs = 0;
    this.#reader.push(chunk);
    for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) {
      if (frame === 'too-large') {
        this.#violation('it announced a message larger than any may be');
        return;
      }
      const { node } = this.#options.local();
      const message = decodeMessage(frame, this.peer, node, this.#options.parseRecords);
      if (message === null) {
        this.#violation('it sent what is no message');
        return;
      }
      this.#take(message);
      if (this.#over) return;
    }
  }

  drain(): void {}

  end(): void {
    this.#connection.destroy();
  }

  close(): void {
    this.#over = true;
    this.#events.closed();
  }

  drop(): void {
    this.#over = true;
    this.#connection.destroy();
  }

  #take(message: PeerMessage): void {
    if (message.type === 'announce') {
      this.#state = message.state;
      this.#clusterId = message.clusterId;
      if (this.#foreign()) {
        this.#violation('it belongs to another cluster');
        return;
      }
    }
    // Raft's own are for members of one cluster only; before both are, they mean nothing and are forgotten.
    const early = message.type === 'announce' || message.type === 'prepare' || message.type === 'prepared';
    if (early || message.type === 'alive' || this.#sameCluster()) this.#events.message(message);
  }

  #foreign(): boolean {
    const local = this.#options.local();
    return local.state === 'founded' && this.#state === 'founded' && local.clusterId !== this.#clusterId;
  }

  #sameCluster(): boolean {
    const local = this.#options.local();
    return local.state === 'founded' && this.#state === 'founded' && local.clusterId === this.#clusterId;
  }

  #violation(text: string): void {
    this.drop();
    this.#events.violated(text);
  }
}
