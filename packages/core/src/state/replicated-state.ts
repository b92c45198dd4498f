import { assert } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { commandType, commandVersion } from '../commands/format.ts';
import type { Policy } from '../commands/format.ts';
import { readSettlements } from '../commands/settlements-reader.ts';
import { Queue } from './queue.ts';
import { MissingCounter, Settler } from './settler.ts';
import { messageOverheadBytes, StoredMessage } from './stored-message.ts';

/** With so many queue objects the empty ones go; before, they are kept for their next message. Not part of the state. */
const idleQueuesMin = 4096;

/** A new master's mark in the log. */
export interface Opening {
  readonly position: number;
  /** The master's clock: when this mastership began. */
  readonly wallMs: number;
}

/** What all replicas agree upon: a function of the commands applied, and of nothing else. */
export class ReplicatedState {
  readonly #names: DestinationNames;
  readonly #queues = new Map<string, Queue>();
  readonly #input = new ByteReader();
  readonly #settler = new Settler(this);
  readonly #missing = new MissingCounter(this);
  #parts: StoredMessage[] = [];
  #partsCost = 0;
  #queuesCost = 0;
  #dropIdleAt = idleQueuesMin;
  #applied = 0;
  #opening: Opening = { position: 0, wallMs: 0 };
  #policy: Policy = { maxDeliveries: 1, deadLetterQueue: '' };

  constructor(names: DestinationNames) {
    this.#names = names;
  }

  get applied(): number {
    return this.#applied;
  }

  get opening(): Opening {
    return this.#opening;
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Parts of a transaction whose end has not been applied. Not to be changed. */
  get parts(): readonly StoredMessage[] {
    return this.#parts;
  }

  /** Bytes of the live messages, and what it costs to keep them. */
  get cost(): number {
    return this.#queuesCost + this.#partsCost;
  }

  /** Every queue object, empty ones too. */
  get queues(): ReadonlyMap<string, Queue> {
    return this.#queues;
  }

  /** The queue of that name, made if need be. */
  queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    if (this.#queues.size >= this.#dropIdleAt) this.#dropIdle();
    const queue = new Queue(name);
    this.#queues.set(name, queue);
    return queue;
  }

  /** Takes effect at once. Returns false for a transaction that was refused: nothing of it happened. */
  apply(position: JournalPosition, command: Uint8Array): boolean {
    assert(position > this.#applied, `command ${position} comes after ${this.#applied} was applied`);
    const input = this.#input;
    input.start(command);
    const version = input.byte();
    assert(version === commandVersion, `the command at ${position} has the unknown version ${version}`);
    const type = input.byte();
    this.#applied = position;
    switch (type) {
      case commandType.enqueue:
        this.#enqueue(position, input);
        return true;
      case commandType.settle:
        readSettlements(input, this.#names, this.#settler);
        return true;
      case commandType.transactionPart:
        this.#part(position, input);
        return true;
      case commandType.transactionEnd:
        return this.#end(position, input);
      case commandType.importEnd:
        this.#importEnd(position, input);
        return true;
      case commandType.open:
        this.#open(position, input);
        return true;
      default:
        assert(false, `the command at ${position} has the unknown type ${type}`);
    }
  }

  /** For a log in which entries are lost: the parts that came belong to nothing any more. Returns their positions. */
  abandonParts(): readonly JournalPosition[] {
    const positions = this.#parts.map(({ position }) => position);
    this.#dropParts();
    return positions;
  }

  /** For a log in which entries are lost: the command would end a transaction or an import of which other parts have come than it had. */
  lacksParts(command: Uint8Array): boolean {
    if (command[1] !== commandType.transactionEnd && command[1] !== commandType.importEnd) return false;
    this.#input.start(command);
    this.#input.skip(2);
    return this.#input.number() !== this.#parts.length;
  }

  /** Puts a message into its queue, in its place. */
  add(queue: Queue, message: StoredMessage, count: number): void {
    this.#queuesCost += message.size + messageOverheadBytes;
    queue.add(message, count);
  }

  /** Removes the message that the queue's list has just found. */
  removeFound(queue: Queue): void {
    this.#queuesCost -= queue.list.found.size + messageOverheadBytes;
    queue.removeFound();
  }

  /** For a snapshot that is being read into a new state. */
  restoreHead(applied: number, opening: Opening, policy: Policy): void {
    this.#applied = applied;
    this.#opening = opening;
    this.#policy = policy;
  }

  /** For a snapshot that is being read into a new state. */
  addPart(message: StoredMessage): void {
    this.#parts.push(message);
    this.#partsCost += message.size + messageOverheadBytes;
  }

  #enqueue(position: JournalPosition, input: ByteReader): void {
    const envelope = input.byte();
    const timestampMs = input.number();
    const nameLength = input.number();
    const queue = this.queue(this.#names.nameAt(input.bytes, input.skip(nameLength), nameLength));
    const headerLength = input.number();
    const from = input.at;
    input.skip(headerLength);
    queue.pool.copy(input.bytes, from, input.end, queue.bytes);
    const { block, from: at } = queue.pool;
    const length = input.end - from;
    this.add(
      queue,
      new StoredMessage(position, queue.name, timestampMs, envelope, null, block, at, headerLength, length),
      0,
    );
  }

  #part(position: JournalPosition, input: ByteReader): void {
    const envelope = input.byte();
    const timestampMs = input.number();
    const nameLength = input.number();
    const destination = this.#names.nameAt(input.bytes, input.skip(nameLength), nameLength);
    const headerLength = input.number();
    const from = input.at;
    input.skip(headerLength);
    const bytes = input.bytes.slice(from, input.end);
    this.addPart(
      new StoredMessage(position, destination, timestampMs, envelope, null, bytes, 0, headerLength, bytes.length),
    );
  }

  #end(position: JournalPosition, input: ByteReader): boolean {
    const count = input.number();
    const parts = this.#parts;
    assert(parts.length === count, `the transaction that ends at ${position} has ${count} parts, ${parts.length} came`);
    this.#dropParts();
    const settlementsAt = input.at;
    this.#missing.count = 0;
    readSettlements(input, this.#names, this.#missing);
    input.at = settlementsAt;
    if (this.#missing.count > 0) {
      this.#settler.refuse(input, this.#names);
      return false;
    }
    readSettlements(input, this.#names, this.#settler);
    for (const message of parts) this.#addNew(message);
    return true;
  }

  /** As the end of a transaction, but each message may bring along what it had been through elsewhere. */
  #importEnd(position: JournalPosition, input: ByteReader): void {
    const count = input.number();
    const parts = this.#parts;
    assert(parts.length === count, `the import that ends at ${position} has ${count} parts, ${parts.length} came`);
    this.#dropParts();
    let next = 0;
    while (input.at < input.end) {
      const part = next + input.number();
      assert(part < count, `the import that ends at ${position} has no part ${part}`);
      while (next < part) this.#addNew(parts[next++]!);
      this.#addWithPast(parts[next++]!, input);
    }
    while (next < count) this.#addNew(parts[next++]!);
  }

  #addNew(message: StoredMessage): void {
    this.add(this.queue(message.destination), message, 0);
  }

  #addWithPast(message: StoredMessage, input: ByteReader): void {
    const deliveries = input.number();
    const dead = input.byte() === 1;
    const deadLetter = dead ? { reason: this.#text(input), originalDestination: this.#text(input) } : null;
    this.add(this.queue(message.destination), message.withDeadLetter(deadLetter), deliveries);
  }

  #text(input: ByteReader): string {
    const length = input.number();
    return this.#names.nameAt(input.bytes, input.skip(length), length);
  }

  #open(position: JournalPosition, input: ByteReader): void {
    this.#dropParts();
    this.#opening = { position, wallMs: input.number() };
    const maxDeliveries = input.number();
    const length = input.number();
    this.#policy = { maxDeliveries, deadLetterQueue: this.#names.nameAt(input.bytes, input.skip(length), length) };
  }

  #dropParts(): void {
    this.#parts = [];
    this.#partsCost = 0;
  }

  #dropIdle(): void {
    for (const queue of this.#queues.values()) {
      if (queue.list.length === 0 && queue.listener === null) this.#queues.delete(queue.name);
    }
    this.#dropIdleAt = Math.max(idleQueuesMin, this.#queues.size * 2);
  }
}
