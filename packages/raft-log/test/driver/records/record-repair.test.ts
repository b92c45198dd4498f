import { DiskError, silentLog } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import type { RepairOutcome } from '../../../src/driver/payload-reader.ts';
import type { Records, RecordsWant } from '../../../src/driver/peers/messages.ts';
import { checksumOf } from '../../../src/driver/records/cut-records.ts';
import { RecordRepair } from '../../../src/driver/records/record-repair.ts';
import { b, bytesOf, c, FakeRecords, record, settled, StepClock, upTo } from './fakes.ts';

/** This member is a; b and c are the others. */
class Bench {
  readonly clock = new StepClock();
  readonly own = FakeRecords.with(upTo(100), 100);
  readonly others: Map<NodeId, FakeRecords> = new Map();
  readonly down: Set<NodeId> = new Set();
  readonly wants: { readonly to: NodeId; readonly want: RecordsWant }[] = [];
  readonly lines: string[] = [];
  readonly repair: RecordRepair;
  outcomes: readonly RepairOutcome[] | null = null;

  constructor(members: readonly NodeId[] = [b, c]) {
    for (const id of members) this.others.set(id, FakeRecords.with(upTo(100), 100));
    const say = (text: string): void => void this.lines.push(text);
    this.repair = new RecordRepair({
      clock: this.clock,
      log: { ...silentLog, info: say, warn: say, error: say },
      store: this.own,
      members: () => members,
      reachable: (peer) => !this.down.has(peer),
      send: (to, want) => this.wants.push({ to, want }),
      failed: (error) => {
        throw error;
      },
    });
  }

  async damaged(positions: readonly number[], file = 'records/1.store'): Promise<void> {
    const damages = positions.map((position) => {
      this.own.here.delete(position);
      return { position, file, offset: position * 50, detail: 'the checksum does not match' };
    });
    void this.repair.repair(damages).then((outcomes) => (this.outcomes = outcomes));
    await settled();
  }

  async answer({ to, want }: { readonly to: NodeId; readonly want: RecordsWant }): Promise<Records> {
    const { request, from, bytesMax } = want;
    const store = this.others.get(to)!;
    const end = Math.min(want.to, store.appliedIndex + 1);
    const base = { type: 'records', request, from, appliedIndex: store.appliedIndex } as const;
    if (end <= from) return { ...base, next: from, lacking: [], bytes: new Uint8Array(0), checksum: 0 };
    const stretch = await store.readLive(from, end, bytesMax);
    return { ...base, ...stretch, checksum: checksumOf(stretch.bytes) };
  }

  /** The record on this disk was only read wrongly. */
  misread(position: number): void {
    this.own.misread.set(position, record(position));
  }

  /** The others answer, until nothing more is asked. */
  async serve(): Promise<void> {
    for (let next = this.wants.shift(); next !== undefined; next = this.wants.shift()) {
      this.repair.receive(await this.answer(next), next.to);
      await settled();
    }
  }

  async pass(ms: number): Promise<void> {
    this.clock.pass(ms);
    this.repair.tick();
    await settled();
  }
}

t.test('a damaged record is fetched from another member', async (t) => {
  const bench = new Bench();
  await bench.damaged([7]);
  await bench.serve();
  t.same(bench.outcomes, ['repaired']);
  t.same(bench.own.here.get(7)?.record, record(7).record);
  t.equal(bench.repair.open, 0);
  t.match(bench.lines, [
    /^records\/1.store is damaged at byte 350 \(the record of entry 7\): .* fetched from another member$/,
    /^records\/1.store, damaged at byte 350, is repaired: 1 of its records was fetched from node b$/,
  ]);
});

t.test('many damaged records of one file: few requests, two lines', async (t) => {
  const bench = new Bench();
  await bench.damaged([...upTo(30, 40), 3, 90]);
  t.equal(bench.wants.length, 3, 'neighbours are asked for together');
  await bench.serve();
  t.ok(bench.outcomes?.every((outcome) => outcome === 'repaired'));
  t.equal(bench.lines.length, 2);
  t.match(bench.lines[1], /32 of its records were fetched/);
});

t.test('asked for twice, it is fetched once, and both learn of it', async (t) => {
  const bench = new Bench();
  await bench.damaged([7]);
  let other: readonly RepairOutcome[] = [];
  void bench.repair.repair([{ position: 7, file: 'f', offset: 1, detail: 'd' }]).then((outcomes) => (other = outcomes));
  t.equal(bench.wants.length, 1);
  await bench.serve();
  t.same([bench.outcomes, other], [['repaired'], ['repaired']]);
});

t.test('the others are asked in turn, and lost is only what nobody has', async (t) => {
  const bench = new Bench();
  bench.others.get(b)!.here.delete(7);
  bench.others.get(b)!.here.delete(8);
  bench.others.get(c)!.here.delete(8);
  await bench.damaged([7, 8]);
  await bench.serve();
  t.same(bench.outcomes, ['repaired', 'lost']);
  t.match(bench.lines.join('\n'), /byte 400 \(the record of entry 8\): .*; no member has an intact copy/);
});

t.test('a member that can not be reached may have it: it is waited for, but not for ever', async (t) => {
  const bench = new Bench();
  bench.others.get(b)!.here.delete(7);
  bench.down.add(c);
  await bench.damaged([7]);
  await bench.serve();
  await bench.pass(10_000);
  t.equal(bench.outcomes, null);
  bench.down.delete(c);
  bench.repair.reachable(c);
  await bench.serve();
  t.same(bench.outcomes, ['repaired']);

  bench.down.add(c);
  bench.outcomes = null;
  await bench.damaged([7]);
  await bench.serve();
  await bench.pass(16_000);
  t.same(bench.outcomes, ['lost']);
  t.match(bench.lines.at(-1), /can't be fetched now: node c can't be reached/);
});

t.test('asked for again, what was not to be had is looked for again', async (t) => {
  const bench = new Bench([b]);
  const copy = bench.others.get(b)!;
  copy.here.delete(7);
  await bench.damaged([7]);
  await bench.serve();
  t.same(bench.outcomes, ['lost']);
  copy.here.set(7, record(7));
  await bench.damaged([7]);
  await bench.pass(250);
  await bench.serve();
  t.same(bench.outcomes, ['repaired']);
});

t.test('alone there is nobody to ask', async (t) => {
  const bench = new Bench([]);
  await bench.damaged([7]);
  await settled();
  t.same(bench.outcomes, ['lost']);
  t.match(bench.lines.at(-1), /no other member to fetch it from/);
});

t.test('an answer that is lost, cut or damaged: another member is asked', async (t) => {
  const bench = new Bench();
  await bench.damaged([7]);
  t.equal(bench.wants.shift()?.to, b);
  await bench.pass(2100);
  t.equal(bench.wants[0]?.to, c, 'b said nothing');
  const good = await bench.answer(bench.wants[0]!);
  const bytes = good.bytes.slice();
  bytes[35]! ^= 1;
  bench.wants.length = 0;
  bench.repair.receive({ ...good, bytes }, c);
  await bench.pass(20);
  t.equal(bench.wants[0]?.to, b, 'what c sent is damaged');
  await bench.serve();
  t.same(bench.outcomes, ['repaired']);
});

t.test('a copy of another record is not taken for it', async (t) => {
  const bench = new Bench([b]);
  await bench.damaged([7]);
  const [asked] = bench.wants.splice(0);
  const good = await bench.answer(asked!);
  const bytes = bytesOf([record(8)]);
  bench.repair.receive({ ...good, bytes, checksum: checksumOf(bytes) }, b);
  await settled();
  t.not(bench.own.here.has(7), 'nothing was put in its place');
});

t.test('a member that has not applied so far can not say that it is gone', async (t) => {
  const bench = new Bench([b]);
  const slow = bench.others.get(b)!;
  slow.appliedIndex = 3;
  slow.live.delete(7);
  await bench.damaged([7]);
  await bench.serve();
  t.equal(bench.outcomes, null);
  slow.live.add(7);
  slow.appliedIndex = 50;
  await bench.pass(1000);
  await bench.serve();
  t.same(bench.outcomes, ['repaired']);
});

t.test('released elsewhere: it is gone when the release has been applied here', async (t) => {
  const bench = new Bench();
  const ahead = bench.others.get(b)!;
  ahead.live.delete(7);
  ahead.appliedIndex = 120;
  await bench.damaged([7]);
  await bench.serve();
  await bench.pass(60_000);
  t.equal(bench.outcomes, null, 'by this member it is still live');
  bench.own.appliedIndex = 120;
  bench.own.live.delete(7);
  await bench.pass(20);
  t.same(bench.outcomes, ['gone']);
});

t.test('a member that wrongly takes it for gone is not believed', async (t) => {
  const bench = new Bench();
  bench.others.get(b)!.live.delete(7);
  await bench.damaged([7]);
  await bench.serve();
  t.same(bench.outcomes, ['repaired']);
  t.match(bench.lines.at(-1), /node c/);
});

t.test('released here while it is looked for: gone', async (t) => {
  const bench = new Bench();
  await bench.damaged([7]);
  bench.own.live.delete(7);
  await bench.pass(20);
  t.same(bench.outcomes, ['gone']);
});

t.test('after a stop nothing is asked or said', async (t) => {
  const bench = new Bench();
  await bench.damaged([7]);
  const [asked] = bench.wants.splice(0);
  bench.repair.stop();
  bench.repair.receive(await bench.answer(asked!), b);
  await bench.pass(60_000);
  t.equal(bench.outcomes, null);
  t.same(bench.wants, []);
});

t.test('a full disk ends no repair but that of the records that it has no room for', async (t) => {
  const bench = new Bench();
  const { own } = bench;
  const addRecords = own.addRecords.bind(own);
  own.addRecords = () => Promise.reject(new DiskError('ENOSPC', 'write', 'records/1.store.tmp'));
  await bench.damaged([7]);
  await bench.serve();
  t.same(bench.outcomes, ['lost']);
  t.match(bench.lines.at(-1), 'no room on the disk');
  own.addRecords = addRecords;
  await bench.damaged([7]);
  await bench.pass(250);
  await bench.serve();
  t.same(bench.outcomes, ['repaired'], 'when there is room again');
});

t.test('what was only read wrongly is intact when it is read again, and nobody is asked', async (t) => {
  const bench = new Bench();
  bench.misread(7);
  bench.misread(8);
  await bench.damaged([7, 8, 9]);
  t.same(
    bench.wants.map(({ want }) => [want.from, want.to]),
    [[9, 10]],
  );
  t.match(bench.lines, [/entry 9\).* is fetched from another member$/]);
  await bench.serve();
  t.same(bench.outcomes, ['repaired', 'repaired', 'repaired']);
  t.match(bench.lines.at(-1), /: 1 of its records was fetched from node b, 2 were intact when read again$/);
  bench.lines.length = 0;
  await bench.damaged([7]);
  t.same(bench.outcomes, ['repaired']);
  t.match(bench.lines, [/^records\/1.store was not read as it was written, .*; read again it is intact$/]);
});

t.test('it is read again also when nobody else has it, each time that it is looked for', async (t) => {
  const bench = new Bench([]);
  await bench.damaged([7]);
  t.same(bench.outcomes, ['lost']);
  bench.misread(7);
  await bench.damaged([7]);
  await bench.pass(250);
  t.same(bench.outcomes, ['repaired']);
});

t.test('two members that lack the same record do not keep each other asking', async (t) => {
  const bench = new Bench([b]);
  bench.others.get(b)!.here.delete(7);
  await bench.damaged([7]);
  await bench.serve();
  t.equal(bench.lines.length, 2, 'that it is damaged, and that nobody has it');
  let asked = 0;
  for (let ms = 0; ms < 60_000; ms += 50) {
    // b looks for it too, and asks this member, which has it looked for again.
    await bench.damaged([7]);
    await bench.pass(50);
    asked += bench.wants.length;
    await bench.serve();
  }
  t.equal(asked, 11, 'after 250 ms, twice as long each time, and every 8 seconds in the end');
  t.equal(bench.lines.length, 2, 'nothing has changed');
  bench.others.get(b)!.here.set(7, record(7));
  await bench.pass(8000);
  await bench.serve();
  t.match(bench.lines.slice(2), [/is repaired: 1 of its records was fetched from node b$/]);
});

t.test('a lost record is looked for at once when a connection or the members are others', async (t) => {
  const members = [b];
  const bench = new Bench(members);
  bench.others.set(c, FakeRecords.with(upTo(100), 100));
  bench.others.get(b)!.here.delete(7);
  await bench.damaged([7]);
  for (let attempt = 0; attempt < 8; attempt += 1) {
    await bench.serve();
    await bench.pass(8000);
  }
  await bench.serve();
  await bench.pass(10);
  t.same(bench.wants, []);
  bench.repair.reachable(b);
  await bench.pass(10);
  t.same(
    bench.wants.map(({ to }) => to),
    [b],
  );
  await bench.serve();
  members.push(c);
  await bench.pass(10);
  await bench.serve();
  t.equal(bench.repair.open, 0, 'c has it');
});

t.test('another reason is told, and none twice', async (t) => {
  const bench = new Bench([b]);
  bench.others.get(b)!.here.delete(7);
  bench.down.add(b);
  await bench.damaged([7]);
  for (let turn = 0; turn < 3; turn += 1) {
    bench.down.add(b);
    bench.repair.reachable(b);
    await bench.pass(10);
    await bench.pass(16_000);
    bench.down.delete(b);
    bench.repair.reachable(b);
    await bench.pass(10);
    await bench.serve();
  }
  t.match(bench.lines, [/is fetched from/, /can't be reached$/, /no member has an intact copy$/]);
});

t.test('what is lost and then not needed any more is looked for no more', async (t) => {
  const bench = new Bench([]);
  await bench.damaged([7]);
  t.equal(bench.repair.open, 1);
  bench.own.live.delete(7);
  await bench.pass(250);
  t.equal(bench.repair.open, 0);
  t.match(bench.lines.at(-1), /1 is not needed any more$/);
});
