import { encodeText } from '@lockstep/kernel';
import { defaultPriority } from '../attributes.ts';
import { writeAttributes } from '../commands/attributes.ts';
import { ByteWriter } from '../commands/byte-writer.ts';
import type { DeadLetter } from '../effects.ts';
import { chunkLength } from '../state/duplicate-ids.ts';
import type { CapturedIds } from '../state/duplicate-ids.ts';
import { deliveriesMax, removedSlot, returnedFlag } from '../state/message-chunk.ts';
import type { MessageChunk } from '../state/message-chunk.ts';
import type { Part } from '../state/part.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import type { StreamView } from '../state/stream.ts';
import { capture, sorted } from './capture.ts';
import type { Capture, CapturedList, CapturedQueue } from './capture.ts';
import { countScale, messageFlag, recordType, snapshotVersion } from './format.ts';

/** No record is longer than this and one message. */
const recordBytes = 8 * 1024;
/** A chunk ends with the first record that takes it here: below 64 KiB, all told. */
const chunkBytes = 40 * 1024;
/** Or when so many slots were looked at since the last one: there may be many empty ones. */
const chunkSlots = 32_768;
/** A queue costs as much as that many slots. */
const queueSlots = 8;

/**
 * The state as it was when this was made, in chunks of at most 64 KiB. Each is made when it is asked for, and takes little time. Equal states give equal bytes.
 * To be read once.
 */
export class StateSnapshot implements Iterable<Uint8Array> {
  readonly #capture: Capture;
  readonly #chunk = new ByteWriter(chunkBytes * 2);
  readonly #record = new ByteWriter(recordBytes * 2);
  #slots = 0;
  #messageCount = 0;
  #slotsInChunk = 0;
  #previous = 0;
  #deadLetter: DeadLetter | null = null;

  constructor(state: ReplicatedState) {
    this.#capture = capture(state);
  }

  /** Slots of messages looked at so far: what reading this costs. */
  get slots(): number {
    return this.#slots;
  }

  *[Symbol.iterator](): Generator<Uint8Array, void, undefined> {
    this.#writeHead();
    yield* this.#duplicateIds(this.#capture.duplicateIds);
    yield* this.#parts(recordType.part, this.#capture.parts);
    const streams = [...this.#capture.streams].sort((a, b) => a.epoch - b.epoch);
    for (const stream of streams) yield* this.#stream(stream);
    for (const bin of this.#capture.bins) for (const queue of sorted(bin)) yield* this.#queue(queue);
    this.#begin(recordType.end);
    this.#record.number(this.#messageCount);
    this.#end();
    yield this.#take();
  }

  #writeHead(): void {
    const { applied, opening, duplicateLimits } = this.#capture;
    this.#begin(recordType.head);
    const record = this.#record;
    record.number(snapshotVersion);
    record.number(applied);
    record.number(opening.position);
    record.number(opening.wallMs);
    record.number(duplicateLimits.idsMax);
    record.number(duplicateLimits.ageMs);
    this.#end();
  }

  /** In runs: their order counts. */
  *#duplicateIds({ chunks, head, length }: CapturedIds): Generator<Uint8Array, void, undefined> {
    const record = this.#record;
    this.#begin(recordType.duplicateIds);
    for (let i = head; i < head + length; i++) {
      const { destination, id, timestampMs } = chunks[Math.floor(i / chunkLength)]![i % chunkLength]!;
      record.prefixed(encodeText(destination));
      record.prefixed(encodeText(id));
      record.number(timestampMs);
      if (record.length < recordBytes) continue;
      this.#end();
      if (this.#isFull()) yield this.#take();
      this.#begin(recordType.duplicateIds);
    }
    if (record.length > 1) this.#end();
    if (this.#isFull()) yield this.#take();
  }

  *#parts(type: number, parts: readonly Part[]): Generator<Uint8Array, void, undefined> {
    for (const { destination, position, size, timestampMs, attributes } of parts) {
      this.#begin(type);
      this.#record.prefixed(encodeText(destination));
      this.#record.number(position);
      this.#record.number(size);
      this.#record.number(timestampMs);
      writeAttributes(this.#record, attributes);
      this.#end();
      if (this.#isFull()) yield this.#take();
    }
  }

  *#stream(stream: StreamView): Generator<Uint8Array, void, undefined> {
    const record = this.#record;
    this.#begin(recordType.stream);
    record.prefixed(encodeText(stream.node));
    record.prefixed(encodeText(stream.run));
    record.number(stream.epoch);
    record.number(stream.number);
    record.number(stream.lapsedAt);
    record.number(stream.gap ? 1 : 0);
    this.#end();
    yield* this.#parts(recordType.streamPart, stream.parts);
    yield* this.#runs(recordType.marks, [...stream.marks].sort(), (queue) => record.prefixed(encodeText(queue)));
    yield* this.#runs(recordType.refused, stream.refused, ([session, through]) => {
      record.number(session);
      record.number(through);
    });
  }

  /** Records of that type with as many of the items as they hold. */
  *#runs<Item>(
    type: number,
    items: Iterable<Item>,
    write: (item: Item) => void,
  ): Generator<Uint8Array, void, undefined> {
    this.#begin(type);
    for (const item of items) {
      write(item);
      if (this.#record.length < recordBytes) continue;
      this.#end();
      if (this.#isFull()) yield this.#take();
      this.#begin(type);
    }
    if (this.#record.length > 1) this.#end();
    if (this.#isFull()) yield this.#take();
  }

  *#queue({ name, suspectBelow, lists }: CapturedQueue): Generator<Uint8Array, void, undefined> {
    this.#begin(recordType.queue);
    this.#record.prefixed(encodeText(name));
    this.#record.number(suspectBelow);
    this.#end();
    this.#slotsInChunk += queueSlots;
    for (const list of lists) yield* this.#list(list);
  }

  *#list({ priority, chunks }: CapturedList): Generator<Uint8Array, void, undefined> {
    if (priority !== defaultPriority) {
      this.#begin(recordType.priority);
      this.#record.number(priority);
      this.#end();
    }
    this.#beginMessages();
    for (const chunk of chunks) {
      // A record ends where its bytes say so, not where the chunk ends, which is not the same on all replicas.
      for (let slot = 0; slot < chunk.used;) {
        slot = this.#messages(chunk, slot);
        if (this.#record.length < recordBytes) continue;
        this.#end();
        if (this.#isFull()) yield this.#take();
        this.#beginMessages();
      }
    }
    if (this.#record.length > 1) this.#end();
    if (this.#isFull()) yield this.#take();
  }

  /** Messages from `slot` on, until the record is full or the chunk ends; returns the next slot. */
  #messages(chunk: MessageChunk, from: number): number {
    const { positions, sizes, counts, used } = chunk;
    const record = this.#record;
    let slot = from;
    while (slot < used && record.length < recordBytes) {
      const at = slot++;
      const size = sizes[at]!;
      if (size === removedSlot) continue;
      const noted = counts[at]!;
      const count = (noted & deliveriesMax) * countScale + ((noted & returnedFlag) === 0 ? 0 : messageFlag.returned);
      const position = positions[at]!;
      record.number(position - this.#previous);
      record.number(size);
      this.#previous = position;
      this.#messageCount++;
      const deadLetter = chunk.deadLetter(at);
      if (deadLetter === null) record.number(count);
      else this.#writeDeadLetter(count, deadLetter);
    }
    this.#slots += slot - from;
    this.#slotsInChunk += slot - from;
    return slot;
  }

  /** `count`: as in the record, without the flags of dead letters. */
  #writeDeadLetter(count: number, deadLetter: DeadLetter): void {
    const record = this.#record;
    const { reason, originalDestination } = deadLetter;
    const last = this.#deadLetter;
    if (last !== null && last.reason === reason && last.originalDestination === originalDestination) {
      record.number(count + messageFlag.dead);
      return;
    }
    this.#deadLetter = deadLetter;
    record.number(count + messageFlag.dead + messageFlag.deadLetterFollows);
    record.prefixed(encodeText(reason));
    record.prefixed(encodeText(originalDestination));
  }

  #beginMessages(): void {
    this.#begin(recordType.messages);
    this.#previous = 0;
    this.#deadLetter = null;
  }

  #begin(type: number): void {
    this.#record.clear();
    this.#record.byte(type);
  }

  #end(): void {
    this.#chunk.prefixed(this.#record.view(0, this.#record.length));
  }

  #isFull(): boolean {
    return this.#chunk.length >= chunkBytes || this.#slotsInChunk >= chunkSlots;
  }

  #take(): Uint8Array {
    const bytes = this.#chunk.view(0, this.#chunk.length).slice();
    this.#chunk.clear();
    this.#slotsInChunk = 0;
    return bytes;
  }
}
