import { decodeText, encodeText, silentLog } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';

import { LiveSet } from '../../src/driver/live-set.ts';
import { PayloadReader } from '../../src/driver/payload-reader.ts';
import type { PayloadReaderPorts, RepairOutcome } from '../../src/driver/payload-reader.ts';
import type { RecordDamage } from '../../src/driver/storage-types.ts';
import { entryPayload, makeEntry } from '../../src/driver/storage/index.ts';
import type { Entry } from '../../src/node/types.ts';

type OnDisk = Entry | 'missing' | 'damaged';

/** A reader over records that a test lays down, and other members that it plays. */
class Bench {
  readonly live = new LiveSet();
  readonly disk = new Map<number, OnDisk>();
  readonly memory = new Map<number, Entry>();
  readonly readsAsked: (readonly number[])[] = [];
  readonly repairsAsked: RecordDamage[] = [];
  failure: unknown = null;
  /** What the other members make of a damaged record. */
  repair: (position: number) => RepairOutcome = () => 'lost';
  readonly reader: PayloadReader;
  readonly errors: string[] = [];

  constructor(changes: Partial<PayloadReaderPorts> = {}) {
    this.reader = new PayloadReader({
      log: { ...silentLog, error: (text) => this.errors.push(text) },
      live: () => this.live,
      inMemory: (position) => this.memory.get(position) ?? null,
      readRecords: async (positions) => {
        this.readsAsked.push(positions);
        return positions.map((position) => {
          const record = this.disk.get(position) ?? 'missing';
          return record === 'damaged' ? { position, file: 'store/x', offset: 64, detail: 'rotten' } : record;
        });
      },
      repair: async (damages) => {
        this.repairsAsked.push(...damages);
        return damages.map(({ position }) => this.repair(position));
      },
      entryPayload,
      failed: (error) => (this.failure = error),
      ...changes,
    });
  }

  /** The record of a live command. */
  record(position: number): Entry {
    this.live.retain(position);
    return makeEntry(position, 1, 1, encodeText(`body ${position}`));
  }

  async read(...positions: number[]): Promise<readonly string[]> {
    const found = await this.reader.readPayloads(positions as JournalPosition[]);
    return found.map((one) => (typeof one === 'string' ? one : decodeText(one)));
  }
}

t.test('what is in memory is not read, and the rest keeps its order', async (t) => {
  const bench = new Bench();
  for (const position of [3, 5, 9]) bench.disk.set(position, bench.record(position));
  bench.memory.set(7, bench.record(7));
  t.same(await bench.read(9, 7, 3, 5), ['body 9', 'body 7', 'body 3', 'body 5']);
  t.same(bench.readsAsked, [[9, 3, 5]]);
  t.equal(decodeText(bench.reader.payload(7 as JournalPosition)!), 'body 7');
  t.equal(bench.reader.payload(3 as JournalPosition), null);
});

t.test('a record that was released is gone, also if that happens while it is read', async (t) => {
  const bench = new Bench();
  bench.record(4);
  bench.disk.set(4, 'damaged');
  const reading = bench.read(2, 4);
  bench.live.release(4);
  t.same(await reading, ['gone', 'gone']);
  t.same(bench.repairsAsked, [], 'nobody is asked for what nobody needs');
});

t.test('a damaged record is fetched from another member before it resolves', async (t) => {
  const bench = new Bench();
  const intact = bench.record(4);
  bench.disk.set(4, 'damaged');
  bench.disk.set(5, bench.record(5));
  bench.repair = (position) => {
    bench.disk.set(position, intact);
    return 'repaired';
  };
  t.same(await bench.read(4, 5), ['body 4', 'body 5']);
  t.same(bench.repairsAsked, [{ position: 4, file: 'store/x', offset: 64, detail: 'rotten' }]);
  t.same(bench.readsAsked, [[4, 5], [4]]);
});

t.test('a record that no file holds is fetched too', async (t) => {
  const bench = new Bench();
  const intact = bench.record(4);
  bench.repair = (position) => {
    bench.disk.set(position, intact);
    return 'repaired';
  };
  t.same(await bench.read(4), ['body 4']);
  t.equal(bench.repairsAsked[0]?.detail, 'no file holds the record');
});

t.test('what nobody has is lost, what became needless meanwhile is gone, and the others come', async (t) => {
  const bench = new Bench();
  for (const position of [1, 2]) {
    bench.record(position);
    bench.disk.set(position, 'damaged');
  }
  bench.disk.set(3, bench.record(3));
  bench.repair = (position) => (position === 1 ? 'lost' : 'gone');
  t.same(await bench.read(1, 2, 3), ['lost', 'gone', 'body 3']);
});

t.test('a disk that spoils every copy does not keep the reader going for ever', async (t) => {
  const bench = new Bench();
  bench.record(1);
  bench.disk.set(1, 'damaged');
  bench.repair = () => 'repaired';
  t.same(await bench.read(1), ['lost']);
  t.equal(bench.repairsAsked.length, 2);
  const what = 'store/x is damaged at byte 64 (the record of entry 1): rotten';
  t.same(bench.errors, [`${what}; each copy that was fetched is damaged too`]);
});

t.test('a disk that fails is told, and nobody gets an answer', async (t) => {
  const broken = new Error('EIO');
  const bench = new Bench({ readRecords: () => Promise.reject(broken) });
  bench.record(1);
  let answered = false;
  void bench.read(1).then(() => (answered = true));
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(bench.failure, broken);
  t.notOk(answered);
});
