import fc from 'fast-check';
import t from 'tap';
import type { Test } from 'tap';
import type { DeadLetter } from '../../src/index.ts';
import type { Eras } from '../../src/state/eras.ts';
import { removedSlot } from '../../src/state/message-chunk.ts';
import type { MessageChunk } from '../../src/state/message-chunk.ts';
import { MessageList } from '../../src/state/message-list.ts';

interface Plain {
  readonly position: number;
  readonly count: number;
  readonly size: number;
  readonly deadLetter: DeadLetter | null;
}

interface Captured {
  readonly chunks: readonly MessageChunk[];
  readonly plain: readonly Plain[];
}

/** The list and a sorted array, changed alike. */
class Pair {
  readonly #eras: Eras = { snapshot: 0, mastership: 1 };
  readonly list: MessageList = new MessageList(this.#eras);
  readonly #plain = new Map<number, Plain>();
  /** Noted in this mastership. */
  #holders = new Map<number, number>();
  readonly #captured: Captured[] = [];

  insert(position: number): void {
    if (this.#plain.has(position)) return;
    const deadLetter = position % 5 === 0 ? { reason: 'r', originalDestination: `/queue/${position}` } : null;
    const plain = { position, count: position % 7, size: position * 3, deadLetter };
    this.list.insert(position, plain.size, plain.count, deadLetter);
    if (!this.list.find(position)) throw new Error(`${position} is not there after it was inserted`);
    if (this.list.holder !== 0) throw new Error(`${position} is held before anybody got it`);
    this.list.note(position * 2, 1);
    this.#plain.set(position, plain);
    this.#holders.set(position, position * 2);
  }

  remove(position: number): void {
    const there = this.#plain.delete(position);
    this.#holders.delete(position);
    if (this.list.find(position) !== there) throw new Error(`${position} is ${there ? 'not ' : ''}found`);
    if (there) this.list.removeFound();
  }

  count(position: number): void {
    const plain = this.#plain.get(position);
    if (plain === undefined) return;
    this.list.find(position);
    this.list.setCount(plain.count + 1);
    this.#plain.set(position, { ...plain, count: plain.count + 1 });
  }

  capture(): void {
    this.#captured.push({ chunks: this.list.capture(), plain: this.#sorted() });
    this.#eras.snapshot++;
  }

  changeMaster(): void {
    this.#eras.mastership++;
    this.#holders = new Map();
  }

  check(): void {
    const plain = this.#sorted();
    if (JSON.stringify(this.#walk()) !== JSON.stringify(plain)) throw new Error('the list differs');
    if (this.list.length !== plain.length) throw new Error('the length differs');
    for (const captured of this.#captured) {
      const found = captured.chunks.flatMap(messagesOf);
      if (JSON.stringify(found) !== JSON.stringify(captured.plain)) throw new Error('a captured list has changed');
    }
  }

  #sorted(): Plain[] {
    return [...this.#plain.values()].sort((a, b) => a.position - b.position);
  }

  /** All of the list, walked by `findFrom`. */
  #walk(): Plain[] {
    const all: Plain[] = [];
    for (let from = 0; this.list.findFrom(from);) {
      const { position, size, count, deadLetter, holder, handout } = this.list;
      const expected = this.#holders.get(position) ?? 0;
      if (holder !== expected || handout !== (expected === 0 ? 0 : 1)) throw new Error(`${position} is with ${holder}`);
      all.push({ position, count, size, deadLetter });
      from = position + 1;
    }
    return all;
  }
}

function messagesOf(chunk: MessageChunk): Plain[] {
  const all: Plain[] = [];
  for (let slot = 0; slot < chunk.used; slot++) {
    const size = chunk.sizes[slot]!;
    if (size === removedSlot) continue;
    all.push({
      position: chunk.positions[slot]!,
      count: chunk.counts[slot]!,
      size,
      deadLetter: chunk.deadLetter(slot),
    });
  }
  return all;
}

const change = fc.record({
  what: fc.constantFrom('insert', 'insert', 'insert', 'remove', 'remove', 'count', 'capture', 'changeMaster'),
  at: fc.integer({ min: 1, max: 3000 }),
  run: fc.integer({ min: 1, max: 300 }),
  gap: fc.integer({ min: 1, max: 9 }),
});

t.test(
  'inserted, counted and removed anywhere, the list holds what a sorted array holds, and so does what was captured',
  async (t) => {
    const property = fc.property(fc.array(change, { maxLength: 40, size: 'max' }), (changes) => {
      const pair = new Pair();
      for (const { what, at, run, gap } of changes) {
        if (what === 'capture') pair.capture();
        else if (what === 'changeMaster') pair.changeMaster();
        else for (let i = 0; i < run; i++) pair[what as 'insert' | 'remove' | 'count'](at + i * gap);
      }
      pair.check();
    });
    const result = fc.check(property, { numRuns: 100, seed: 4 });
    t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no counterexample');
  },
);

t.test('drained from the front or from the back, a list keeps no chunks', async (t) => {
  for (const backwards of [false, true]) {
    const list = new MessageList({ snapshot: 0, mastership: 1 });
    for (let position = 1; position <= 5000; position++) list.insert(position, 1, 0, null);
    for (let i = 0; i < 5000; i++) {
      if (!list.find(backwards ? 5000 - i : i + 1)) t.fail(`${i} is not found`);
      else list.removeFound();
    }
    t.equal(list.length, 0);
    t.equal(list.chunkCount, 1);
    list.insert(9000, 1, 0, null);
    t.ok(list.find(9000));
  }
});

t.test('messages left over here and there do not hold whole chunks', async (t) => {
  for (const lag of [0, 1000]) leaveSome(t, lag);
});

/** Every 500th message stays, the others go when so many have come behind them. */
function leaveSome(t: Test, lag: number): void {
  const list = new MessageList({ snapshot: 0, mastership: 1 });
  let left = 0;
  for (let position = 1; position <= 200_000; position++) {
    list.insert(position, 1, 0, null);
    if (position <= lag) continue;
    if ((position - lag) % 500 === 0) left++;
    else if (list.find(position - lag)) list.removeFound();
  }
  t.equal(list.length, left + lag);
  t.ok(list.chunkCount < 25, `${list.chunkCount} chunks for ${list.length} messages`);
  t.ok(list.findFrom(0) && list.position === 500);
}
