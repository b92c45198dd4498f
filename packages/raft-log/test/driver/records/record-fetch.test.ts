import t from 'tap';

import { dropLargeMemory, takeLargeMemory } from '../../../src/driver/large-memory.ts';
import type { Records, RecordsWant } from '../../../src/driver/peers/messages.ts';
import { checksumOf } from '../../../src/driver/records/cut-records.ts';
import { RecordFetch } from '../../../src/driver/records/record-fetch.ts';
import type { FetchOutcome } from '../../../src/driver/records/record-fetch.ts';
import { a, b, bytesOf, FakeRecords, record, setOf, settled, StepClock, upTo } from './fakes.ts';

interface Run {
  readonly fetch: RecordFetch;
  readonly wants: RecordsWant[];
  readonly store: FakeRecords;
  readonly clock: StepClock;
  outcome: FetchOutcome | null;
}

function begun(live: readonly number[], missing: readonly number[] = live): Run {
  const store = new FakeRecords();
  const clock = new StepClock();
  const wants: RecordsWant[] = [];
  const fetch = new RecordFetch(setOf(live), setOf(missing), a, {
    clock,
    store,
    send: (to, want) => {
      t.equal(to, a);
      wants.push(want);
    },
    done: (outcome) => (run.outcome = outcome),
    failed: (error) => {
      throw error;
    },
  });
  const run: Run = { fetch, wants, store, clock, outcome: null };
  fetch.begin();
  return run;
}

/** What the source answers, in part when `cut` says how many positions of the range it looked at. */
async function answer(source: FakeRecords, want: RecordsWant, cut = Infinity): Promise<Records> {
  const { request, from, to, bytesMax } = want;
  const { appliedIndex } = source;
  const { next, bytes, lacking } = await source.readLive(from, Math.min(to, from + cut), bytesMax);
  return { type: 'records', request, from, next, appliedIndex, lacking, bytes, checksum: checksumOf(bytes) };
}

async function serveAll(run: Run, source: FakeRecords): Promise<void> {
  for (let want = run.wants.shift(); want !== undefined; want = run.wants.shift()) {
    run.fetch.receive(await answer(source, want), a);
    await settled();
  }
}

t.test('everything that is missing comes, in files of a good size, several requests in flight', async (t) => {
  const source = FakeRecords.with(upTo(3000), 3000, 20_000);
  const run = begun(upTo(3000));
  t.equal(run.wants.length, 3, 'all of it is asked for at once while nothing is known about sizes');
  let most = 0;
  for (let want = run.wants.shift(); want !== undefined; want = run.wants.shift()) {
    run.fetch.receive(await answer(source, want), a);
    await settled();
    most = Math.max(most, run.wants.length);
  }
  t.equal(run.outcome?.records, 3000);
  t.same(
    run.store.added.flat().toSorted((x, y) => x - y),
    upTo(3000),
  );
  t.ok(run.store.added.length >= 3 && run.store.added.length < 6, `${run.store.added.length} files`);
  t.ok(most > 2 && most <= 8, `${most} requests in flight`);
  t.equal(run.outcome?.completeAt, 0, 'nothing was dead');
});

t.test('the memory of an answer is used again when its records are on disk, not before', async (t) => {
  dropLargeMemory();
  const source = FakeRecords.with(upTo(1500), 1500, 20_000);
  const run = begun(upTo(1500));
  run.store.held = [];
  const used = new Set<ArrayBufferLike>();
  for (let want = run.wants.shift(); want !== undefined && run.store.held.length === 0; want = run.wants.shift()) {
    const good = await answer(source, want);
    const bytes = takeLargeMemory(good.bytes.length);
    bytes.set(good.bytes);
    t.notOk(used.has(bytes.buffer), 'nothing is on disk yet');
    used.add(bytes.buffer);
    run.fetch.receive({ ...good, bytes }, a);
    await settled();
  }
  t.equal(run.store.held.length, 1, 'a batch is on its way');
  t.notOk(used.has(takeLargeMemory(500_000).buffer));
  run.store.held.splice(0).forEach((resume) => resume());
  await settled();
  t.ok(used.has(takeLargeMemory(500_000).buffer));
});

t.test('a full disk queue holds the requests back', async (t) => {
  const source = FakeRecords.with(upTo(6000), 6000, 20_000);
  const run = begun(upTo(6000));
  run.store.held = [];
  await serveAll(run, source);
  t.equal(run.wants.length, 0, 'nothing is asked for');
  t.equal(run.outcome, null);
  t.equal(run.store.held.length, 1, 'one file at a time');
  for (let round = 0; round < 20 && run.outcome === null; round += 1) {
    run.store.held.splice(0).forEach((resume) => resume());
    await settled();
    await serveAll(run, source);
  }
  t.equal(run.outcome?.records, 6000);
});

t.test('records that died at the source: they need not come once its state is reached', async (t) => {
  const source = FakeRecords.with([1, 2, 5], 70);
  const run = begun([1, 2, 3, 4, 5]);
  await serveAll(run, source);
  t.match(run.outcome, { records: 3, completeAt: 70, lacking: [] });
});

t.test('what is here already and comes along is neither counted nor mistaken for what is gone', async (t) => {
  const source = FakeRecords.with([1, 2, 4], 70);
  // 2 is here, 3 died at the source.
  const run = begun([1, 2, 3, 4], [1, 3, 4]);
  await serveAll(run, source);
  t.match(run.outcome, { records: 2, completeAt: 70 });
  t.same(run.store.added, [[1, 4]]);
});

t.test('what the source has no intact copy of is reported', async (t) => {
  const source = FakeRecords.with([1, 2, 3], 3);
  source.here.delete(2);
  const run = begun([1, 2, 3]);
  await serveAll(run, source);
  t.match(run.outcome, { records: 2, lacking: [2] });
});

t.test('nothing to fetch: it is done at once', async (t) => {
  const run = begun([1, 2], []);
  await settled();
  t.match(run.outcome, { records: 0, completeAt: 0 });
});

t.test('what was lost on the way is asked for again, and what comes twice is taken once', async (t) => {
  const source = FakeRecords.with(upTo(10), 10);
  const run = begun(upTo(10));
  const [lost] = run.wants.splice(0);
  run.clock.pass(1900);
  run.fetch.tick();
  t.same(run.wants, [], 'not so soon');
  run.clock.pass(200);
  run.fetch.tick();
  t.same(run.wants, [lost]);
  run.fetch.askAgain();
  t.equal(run.wants.length, 2);
  await serveAll(run, source);
  t.equal(run.outcome?.records, 10);
  t.same(run.store.added, [upTo(10)]);
});

t.test('an answer is believed only if it is whole, of what was asked, and from whom it was asked', async (t) => {
  const source = FakeRecords.with(upTo(10), 10);
  const run = begun(upTo(10));
  const want = run.wants[0]!;
  const good = await answer(source, want);
  const flipped = good.bytes.slice();
  flipped[40]! ^= 1;
  run.fetch.receive({ ...good, bytes: flipped }, a);
  run.fetch.receive({ ...good, bytes: good.bytes.subarray(0, -3) }, a);
  for (const records of [[record(2), record(1)], [record(11)]]) {
    const bytes = bytesOf(records);
    run.fetch.receive({ ...good, bytes, checksum: checksumOf(bytes) }, a);
  }
  const cut = good.bytes.subarray(0, -3);
  run.fetch.receive({ ...good, bytes: cut, checksum: checksumOf(cut) }, a);
  run.fetch.receive({ ...good, next: 12 }, a);
  run.fetch.receive({ ...good, next: good.from }, a);
  run.fetch.receive({ ...good, from: good.from + 1 }, a);
  run.fetch.receive({ ...good, request: good.request + 2 }, a);
  run.fetch.receive(good, b);
  await settled();
  t.equal(run.outcome, null);
  t.same(run.store.added, []);
  run.fetch.receive(good, a);
  await settled();
  t.equal(run.outcome?.records, 10);
});

t.test('after a stop nothing is asked, stored or reported', async (t) => {
  const source = FakeRecords.with(upTo(10), 10);
  const run = begun(upTo(10));
  const good = await answer(source, run.wants[0]!);
  run.fetch.stop();
  run.fetch.receive(good, a);
  run.clock.pass(10_000);
  run.fetch.tick();
  await settled();
  t.equal(run.outcome, null);
  t.same(run.store.added, []);
  t.equal(run.wants.length, 1);
});
