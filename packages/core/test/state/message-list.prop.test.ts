import type { JournalPosition } from '@lockstep/kernel';
import fc from 'fast-check';
import t from 'tap';
import { MessageList } from '../../src/state/message-list.ts';
import { StoredMessage } from '../../src/state/stored-message.ts';

interface Plain {
  readonly position: number;
  readonly count: number;
  readonly holder: number;
}

function message(position: number): StoredMessage {
  return new StoredMessage(position as JournalPosition, '/queue/q', 0, 0, null, new Uint8Array(0), 0, 0, 0);
}

/** The list and a sorted array, changed alike. */
class Pair {
  readonly list = new MessageList();
  readonly plain: Map<number, Plain> = new Map();

  insert(position: number): void {
    if (this.plain.has(position)) return;
    const count = position % 7;
    this.list.insert(position, count, message(position));
    if (!this.list.find(position)) throw new Error(`${position} is not there after it was inserted`);
    this.list.chunk.holders[this.list.slot] = position * 2;
    this.plain.set(position, { position, count, holder: position * 2 });
  }

  remove(position: number): void {
    const there = this.plain.delete(position);
    if (this.list.find(position) !== there) throw new Error(`${position} is ${there ? 'not ' : ''}found`);
    if (there) this.list.removeFound();
  }

  /** All of the list, walked by `findFrom`. */
  walk(): Plain[] {
    const all: Plain[] = [];
    for (let from = 0; this.list.findFrom(from);) {
      const { chunk, slot, found } = this.list;
      all.push({ position: found.position, count: chunk.counts[slot]!, holder: chunk.holders[slot]! });
      from = found.position + 1;
    }
    return all;
  }
}

const change = fc.record({
  insert: fc.boolean(),
  at: fc.nat({ max: 3000 }),
  run: fc.integer({ min: 1, max: 300 }),
  gap: fc.integer({ min: 1, max: 9 }),
});

t.test('inserted and removed anywhere, the list holds what a sorted array holds', async (t) => {
  const property = fc.property(fc.array(change, { maxLength: 25, size: 'max' }), (changes) => {
    const pair = new Pair();
    for (const { insert, at, run, gap } of changes) {
      for (let i = 0; i < run; i++) {
        if (insert) pair.insert(at + i * gap);
        else pair.remove(at + i * gap);
      }
    }
    const plain = [...pair.plain.values()].sort((a, b) => a.position - b.position);
    if (JSON.stringify(pair.walk()) !== JSON.stringify(plain)) throw new Error('the list differs');
    if (pair.list.length !== plain.length) throw new Error('the length differs');
  });
  const result = fc.check(property, { numRuns: 60, seed: 4 });
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? 'no counterexample');
});

t.test('drained from the front or from the back, a list keeps no chunks', async (t) => {
  for (const backwards of [false, true]) {
    const list = new MessageList();
    for (let position = 1; position <= 5000; position++) list.insert(position, 0, message(position));
    for (let i = 0; i < 5000; i++) {
      if (!list.find(backwards ? 5000 - i : i + 1)) t.fail(`${i} is not found`);
      else list.removeFound();
    }
    t.equal(list.length, 0);
    t.equal(list.chunks.length, 1);
    list.insert(9000, 0, message(9000));
    t.ok(list.find(9000));
  }
});
