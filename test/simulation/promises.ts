import type { Configuration, RaftNode } from '@lockstep/raft-log';
import type { SimDevice } from '@lockstep/testkit';

import { InvariantViolation } from './invariants.ts';

type RaftBatch = NonNullable<ReturnType<RaftNode['takeBatch']>>;
type RaftMessage = RaftBatch['sendNow'][number];

/** What a node's disk must hold, by the writes that were reported to it as done. */
class DiskShadow {
  readonly #terms = new Map<number, number>();
  #lastIndex: number;

  constructor(raft: RaftNode) {
    this.#lastIndex = raft.lastIndex;
  }

  take({ install, persist }: RaftBatch): void {
    if (install !== null) this.#lastIndex = install.index;
    for (const { index, term } of persist?.entries ?? []) {
      this.#terms.set(index, term);
      this.#lastIndex = index;
    }
  }

  /** Is what the node takes for written the entry that the disk has? */
  bears(raft: RaftNode): boolean {
    const { persistedIndex } = raft;
    if (persistedIndex > this.#lastIndex) return false;
    const term = this.#terms.get(persistedIndex);
    return term === undefined || persistedIndex <= raft.snapshotIndex || term === raft.termAt(persistedIndex);
  }
}

/** Who hears what the nodes say. */
export interface Listener {
  /** A promise, just now. */
  broken(violation: InvariantViolation): void;
  /** That member uses this configuration from now on. */
  configured(name: string, configuration: Configuration): void;
  /** One who leads in that term tells the other to campaign. */
  handedOver(from: string, to: string, term: number): void;
  /** A linearizable read was confirmed. */
  readConfirmed(): void;
}

/**
 * Looks over the nodes' shoulders: at what each of them says to the others, and whether its disk bears it out. It stands between the pure node
 * and its driver, and changes nothing. A broken promise is reported at once, long before it could lose anything.
 */
export class Promises {
  readonly #listener: Listener;
  #committed = 0;
  /** Whom each member voted for, by term, in all its lives on one disk. */
  readonly #votes = new Map<string, Map<number, string>>();
  /** The node of each member's last life. */
  readonly #nodes = new Map<string, RaftNode>();

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** The last entry that some member has called committed. */
  get committed(): number {
    return this.#committed;
  }

  /** The member has an empty disk now, and need not know what it said before. */
  forget(name: string): void {
    this.#votes.delete(name);
  }

  /** The same node, watched. */
  watch(name: string, raft: RaftNode, device: () => SimDevice): RaftNode {
    const takeBatch = raft.takeBatch.bind(raft);
    const step = raft.step.bind(raft);
    this.#nodes.set(name, raft);
    const unsaid: RaftBatch[] = [];
    const disk = new DiskShadow(raft);
    /** What was committed when each read was asked for, by context. */
    const reads = new Map<number, number>();
    raft.takeBatch = () => {
      const batch = takeBatch();
      if (batch === null) return null;
      if (batch.commitIndex > raft.lastIndex)
        this.#broken(
          'committed only what it holds',
          `${name} holds ${raft.lastIndex}, and commits ${batch.commitIndex}`,
        );
      for (const message of batch.sendNow) this.#said(name, raft, message);
      for (const { context, index } of batch.readsConfirmed) {
        this.#answered(name, index, reads.get(context));
        reads.delete(context);
      }
      this.#committed = Math.max(this.#committed, batch.commitIndex);
      if (batch.configuration !== null) this.#listener.configured(name, batch.configuration);
      unsaid.push(batch);
      return batch;
    };
    raft.step = (input) => {
      if (input.type === 'persisted') {
        const batch = unsaid.shift()!;
        if (batch.persist !== null) this.#onDisk(name, device());
        disk.take(batch);
        for (const message of batch.sendAfterPersist) this.#vote(name, message);
      }
      if (input.type === 'readIndex') reads.set(input.context, this.#committed);
      const { lastIndex, commitIndex, term } = raft;
      step(input);
      const overdue = input.type === 'receive' && input.message.type === 'append' && input.message.term < term;
      if (overdue && (raft.lastIndex !== lastIndex || raft.commitIndex !== commitIndex))
        this.#broken(
          'nothing is taken from an earlier term',
          `${name}, in term ${term}, takes entries of ${input.message.term}`,
        );
      if (input.type === 'persisted' && !disk.bears(raft))
        this.#broken('on disk before it is counted', `${name} counts entry ${raft.persistedIndex} as written`);
    };
    return raft;
  }

  #said(name: string, raft: RaftNode, message: RaftMessage): void {
    const early = message.type === 'appendReply' && message.reject === null && message.matchIndex > raft.persistedIndex;
    if (early) this.#broken('on disk before it is acknowledged', `${name} acknowledges entry ${message.matchIndex}`);
    if (message.type === 'timeoutNow') this.#handedOver(raft, message.to);
    this.#vote(name, message);
  }

  /** Thesis §3.10: the one that is told to campaign has all that the leader has. */
  #handedOver(from: RaftNode, to: string): void {
    this.#listener.handedOver(from.status.id, to, from.term);
    const target = this.#nodes.get(to);
    if (target !== undefined && target.lastIndex < from.lastIndex)
      this.#broken(
        'handed over to a member that has all',
        `${to} has ${target.lastIndex} of ${from.lastIndex} entries`,
      );
  }

  /** Thesis §6.4. */
  #answered(name: string, index: number | null, due: number | undefined): void {
    if (due === undefined) this.#broken('each read is answered once', `${name} answers what nobody has asked`);
    if (due === undefined || index === null) return;
    this.#listener.readConfirmed();
    if (index < due)
      this.#broken('a read covers what was committed before it', `${name} answers with ${index}, ${due} was committed`);
  }

  #vote(name: string, message: RaftMessage): void {
    let candidate: string;
    if (message.type === 'voteReply' && message.granted) candidate = message.to;
    else if (message.type === 'voteRequest') candidate = message.from;
    else return;
    const votes = this.#votes.get(name) ?? new Map<number, string>();
    this.#votes.set(name, votes);
    const before = votes.get(message.term);
    if (before !== undefined && before !== candidate)
      this.#broken('one vote in a term', `${name} votes for ${before} and for ${candidate} in term ${message.term}`);
    votes.set(message.term, candidate);
  }

  #onDisk(name: string, device: SimDevice): void {
    const left = device.unsyncedChanges('journal', '', '.log') + device.unsyncedChanges('.', 'hard-state', '');
    if (left > 0) this.#broken('on disk before it is reported', `${name} reports ${left} writes that are not synced`);
  }

  #broken(rule: string, detail: string): void {
    this.#listener.broken(new InvariantViolation(rule, detail));
  }
}
