import { decodeText } from '@lockstep/kernel';
import type { RaftNode } from '@lockstep/raft-log';

type RaftBatch = NonNullable<ReturnType<RaftNode['takeBatch']>>;
type Entry = NonNullable<RaftBatch['persist']>['entries'][number];

/** The journal's record begins with so much that says which entry it is (raft-log's `driver/storage/record.ts`). */
const recordHeaderBytes = 32;
/** Raft-log's `entryKind.command`. */
const commandKind = 1;
/** Core's `commandType`: numbers that stand in journals, and never change. */
const type = {
  open: 1,
  enqueue: 2,
  transactionPart: 4,
  transactionEnd: 5,
  openStream: 7,
  streamed: 8,
  refuse: 9,
  lapse: 11,
};

/** What of a command is looked at. `through`: the last number that it is about. */
type Command =
  | { readonly type: 'open' }
  | { readonly type: 'openStream'; readonly node: string; readonly run: string }
  | { readonly type: 'streamed'; readonly epoch: number; readonly number: number; readonly inner: number }
  | { readonly type: 'refuse'; readonly epoch: number; readonly number: number; readonly through: number }
  | { readonly type: 'lapse'; readonly epoch: number };

interface Stream {
  readonly node: string;
  readonly epoch: number;
  readonly run: string;
  number: number;
  parts: number[];
}

function parse(payload: Uint8Array): Command | null {
  let at = 1;
  const byte = (): number => payload[at++] ?? 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const next = byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
    }
  };
  const text = (): string => {
    const length = number();
    at += length;
    return decodeText(payload.subarray(at - length, at));
  };
  switch (byte()) {
    case type.open:
      return { type: 'open' };
    case type.openStream:
      return { type: 'openStream', node: text(), run: text() };
    case type.streamed:
      return { type: 'streamed', epoch: number(), number: number(), inner: byte() };
    case type.refuse:
      return { type: 'refuse', epoch: number(), number: number(), through: number() };
    case type.lapse:
      return { type: 'lapse', epoch: number() };
    default:
      return null;
  }
}

/**
 * Reads every command that is committed, in order, and knows by the rules alone which of the numbered proposals take effect: another hand's
 * account of the nodes' proposal streams, to compare with what clients are given.
 */
export class CommandWatch {
  /** By index: what stands there in each term in which somebody has had it on disk. */
  readonly #entries = new Map<number, { readonly term: number; readonly command: Command }[]>();
  readonly #byNode = new Map<string, Stream>();
  readonly #byEpoch = new Map<number, Stream>();
  readonly #void = new Set<number>();
  readonly #lapses = new Map<string, number>();
  #masterships = 0;
  #openedAt = 0;
  #committed = 0;
  /** Lapses of nodes that are silent; not of those that have come back as another process. */
  lapses = 0;
  refusals = 0;
  repeats = 0;

  /** The same node, watched. */
  watch(raft: RaftNode): RaftNode {
    const takeBatch = raft.takeBatch.bind(raft);
    raft.takeBatch = () => {
      const batch = takeBatch();
      if (batch !== null) {
        for (const entry of batch.persist?.entries ?? []) this.#written(entry);
        this.#advance(raft, batch.commitIndex);
      }
      return batch;
    };
    return raft;
  }

  /** Of every entry up to here it is known that it is committed. */
  get committed(): number {
    return this.#committed;
  }

  /** Where the last master has begun. */
  get openedAt(): number {
    return this.#openedAt;
  }

  get masterships(): number {
    return this.#masterships;
  }

  /** The message at that position is one that a proposal would have made that took no effect. */
  isVoid(position: number): boolean {
    return this.#void.has(position);
  }

  /** Where that node's clients lost what they held for the last time; 0: never. */
  lapsedAt(node: string): number {
    return this.#lapses.get(node) ?? 0;
  }

  #written({ index, term, kind, record }: Entry): void {
    if (kind !== commandKind || index <= this.#committed) return;
    const command = parse(record.subarray(recordHeaderBytes));
    if (command === null) return;
    const known = this.#entries.get(index);
    if (known === undefined) this.#entries.set(index, [{ term, command }]);
    else if (!known.some((one) => one.term === term)) known.push({ term, command });
  }

  #advance(raft: RaftNode, commitIndex: number): void {
    while (this.#committed < commitIndex) {
      const index = ++this.#committed;
      const written = this.#entries.get(index);
      this.#entries.delete(index);
      if (written === undefined) continue;
      const term = raft.termAt(index);
      const found = term === null ? written.at(-1) : written.find((one) => one.term === term);
      if (found !== undefined) this.#apply(index, found.command);
    }
  }

  #apply(position: number, command: Command): void {
    switch (command.type) {
      case 'open':
        this.#masterships++;
        this.#openedAt = position;
        return;
      case 'openStream':
        this.#open(position, command.node, command.run);
        return;
      case 'streamed':
        this.#streamed(position, command);
        return;
      case 'refuse': {
        const stream = this.#byEpoch.get(command.epoch);
        if (stream === undefined || command.number !== stream.number + 1) return;
        stream.number = command.through;
        this.#voidParts(stream);
        this.refusals++;
        return;
      }
      case 'lapse': {
        const stream = this.#byEpoch.get(command.epoch);
        if (stream === undefined) return;
        this.#lapses.set(stream.node, position);
        this.lapses++;
      }
    }
  }

  #open(position: number, node: string, run: string): void {
    const old = this.#byNode.get(node);
    if (old?.run === run) return;
    if (old !== undefined) {
      this.#voidParts(old);
      this.#byEpoch.delete(old.epoch);
      this.#lapses.set(node, position);
    }
    const stream = { node, epoch: position, run, number: 0, parts: [] };
    this.#byNode.set(node, stream);
    this.#byEpoch.set(position, stream);
  }

  #streamed(position: number, { epoch, number, inner }: Extract<Command, { type: 'streamed' }>): void {
    const stream = this.#byEpoch.get(epoch);
    if (stream === undefined || number !== stream.number + 1) {
      if (inner === type.enqueue || inner === type.transactionPart) this.#void.add(position);
      if (stream !== undefined && number <= stream.number) this.repeats++;
      return;
    }
    stream.number = number;
    if (inner === type.transactionPart) stream.parts.push(position);
    // It may be refused; then nobody can say from here what its parts are, but they are not void for their numbers.
    if (inner === type.transactionEnd) stream.parts = [];
  }

  #voidParts(stream: Stream): void {
    for (const part of stream.parts) this.#void.add(part);
    stream.parts = [];
  }
}
