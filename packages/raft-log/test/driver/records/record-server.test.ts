import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { dropLargeMemory, takeLargeMemory } from '../../../src/driver/large-memory.ts';
import type { Records, RecordsWant } from '../../../src/driver/peers/messages.ts';
import { RecordServer } from '../../../src/driver/records/record-server.ts';
import { a, b, c, FakeRecords, indexesOf, settled, StepClock, upTo } from './fakes.ts';

interface Sent extends Records {
  readonly to: NodeId;
}

interface Served {
  readonly server: RecordServer;
  readonly sent: Sent[];
  readonly lacking: number[];
  readonly clock: StepClock;
}

function serve(store: FakeRecords, bytesPerSecond = 1e9): Served {
  const sent: Sent[] = [];
  const lacking: number[] = [];
  const clock = new StepClock();
  const server = new RecordServer(
    { bytesPerSecond },
    {
      clock,
      store,
      lacking: (positions) => lacking.push(...positions),
      send: (to, message) => sent.push({ ...message, to }),
      failed: (error) => {
        throw error;
      },
    },
  );
  return { server, sent, lacking, clock };
}

function want(request: number, from: number, to: number, bytesMax = 1e6): RecordsWant {
  return { type: 'recordsWant', request, from, to, bytesMax };
}

t.test('an answer holds the live records of the range, and says how far it goes', async (t) => {
  const { server, sent } = serve(FakeRecords.with([2, 3, 5, 8], 9));
  server.receive(want(7, 1, 6), a);
  await settled();
  t.match(sent[0], { to: a, request: 7, from: 1, next: 6, appliedIndex: 9, lacking: [] });
  t.same(indexesOf(sent[0]!.bytes), [2, 3, 5]);
  server.receive(want(8, 1, 9, 60), a);
  await settled();
  t.equal(sent[1]?.next, 3, 'no room for more');
  t.same(indexesOf(sent[1]!.bytes), [2]);
});

t.test('nothing is said about what has not been applied here', async (t) => {
  const store = FakeRecords.with([2, 3, 5, 8], 4);
  const { server, sent } = serve(store);
  server.receive(want(1, 1, 10), a);
  server.receive(want(2, 5, 10), a);
  await settled();
  t.equal(sent[0]?.next, 5);
  t.match(sent[1], { from: 5, next: 5, appliedIndex: 4 });
  t.equal(sent[1]?.bytes.length, 0);
  server.completeAt = 6;
  server.receive(want(3, 1, 10), a);
  await settled();
  t.match(sent[2], { from: 1, next: 1 }, 'nor while records may be missing that are about to be dead');
  store.appliedIndex = 6;
  server.receive(want(4, 1, 10), a);
  await settled();
  t.equal(sent[3]?.next, 7);
});

t.test('what is live and damaged here is named, and seen to', async (t) => {
  const store = FakeRecords.with([2, 3, 5], 9);
  store.here.delete(3);
  const { server, sent, lacking } = serve(store);
  server.receive(want(1, 1, 10), a);
  await settled();
  t.same(sent[0]?.lacking, [3]);
  t.same(lacking, [3]);
});

t.test('more damage than fits into a message: the answer ends before the rest', async (t) => {
  const store = FakeRecords.with(upTo(6000), 6000);
  for (let position = 1; position < 6000; position += 1) if (position % 100 > 0) store.here.delete(position);
  const { server, sent } = serve(store);
  server.receive(want(1, 1, 6001), a);
  await settled();
  const answer = sent[0]!;
  t.equal(answer.lacking.length, 4096);
  t.ok(answer.lacking.every((position) => position < answer.next));
  t.same(
    indexesOf(answer.bytes),
    upTo(60)
      .map((n) => n * 100)
      .filter((position) => position < answer.next),
  );
});

t.test('what died while the disk was read is covered by the index that the answer names', async (t) => {
  const store = FakeRecords.with([2, 3], 4);
  const read = store.readLive.bind(store);
  store.readLive = async (...range) => {
    store.live.delete(3);
    store.appliedIndex = 5;
    return read(...range);
  };
  const { server, sent } = serve(store);
  server.receive(want(1, 1, 5), a);
  await settled();
  t.same(indexesOf(sent[0]!.bytes), [2]);
  t.equal(sent[0]?.appliedIndex, 5);
});

t.test('one read at a time, members take turns, and nobody piles up requests', async (t) => {
  const store = FakeRecords.with(upTo(10), 10);
  let reading = 0;
  const read = store.readLive.bind(store);
  store.readLive = async (...range) => {
    reading += 1;
    t.equal(reading, 1);
    await settled();
    reading -= 1;
    return read(...range);
  };
  const { server, sent } = serve(store);
  for (let request = 1; request <= 100; request += 1) server.receive(want(request, 1, 2), a);
  server.receive(want(500, 1, 2), b);
  server.receive(want(600, 1, 2), c);
  for (let turn = 0; turn < 200; turn += 1) await settled();
  t.same(
    sent.slice(0, 4).map(({ to }) => to),
    [a, a, b, c],
  );
  t.ok(sent.length < 80, `${sent.length} answers`);
  server.stop();
  server.receive(want(700, 1, 2), b);
  await settled();
  t.equal(sent.at(-1)?.to, a);
});

t.test('whoever asks gets no more in a second than is allowed, all together', async (t) => {
  const { server, sent, clock } = serve(FakeRecords.with(upTo(100), 100, 10_000 - 32), 1_000_000);
  for (let from = 1; from <= 50; from += 1) {
    server.receive(want(from, from, from + 1), a);
    server.receive(want(from, from + 50, from + 51), b);
  }
  await settled();
  const credit = sent.length;
  t.ok(credit >= 5 && credit <= 6, `${credit} before it waits`);
  for (let ms = 0; ms < 500; ms += 10) {
    clock.pass(10);
    for (let turn = 0; turn < 4; turn += 1) await settled();
  }
  t.ok(Math.abs(sent.length - credit - 50) <= 1, `${sent.length - credit} in half a second`);
  t.ok(sent.some(({ to }) => to === a) && sent.some(({ to }) => to === b));
  server.stop();
  clock.pass(10_000);
  await settled();
  t.ok(sent.length < 60, 'after a stop nothing is sent');
});

t.test('the memory of an answer is free when it has gone out', async (t) => {
  dropLargeMemory();
  const store = FakeRecords.with([1], 1, 400_000);
  const read = store.readLive.bind(store);
  store.readLive = async (...range) => {
    const stretch = await read(...range);
    const bytes = takeLargeMemory(stretch.bytes.length);
    bytes.set(stretch.bytes);
    return { ...stretch, bytes };
  };
  const { server, sent } = serve(store);
  server.receive(want(1, 1, 2), a);
  await settled();
  const { bytes, taken } = sent[0]!;
  t.not(takeLargeMemory(400_000).buffer, bytes.buffer);
  taken?.();
  t.equal(takeLargeMemory(400_000).buffer, bytes.buffer);
});

t.test('nonsense is not answered', async (t) => {
  const { server, sent } = serve(FakeRecords.with([1], 1));
  server.receive(want(1, 5, 5), a);
  server.receive(want(2, 0, 5), a);
  server.receive(want(3, 5, 2), a);
  await settled();
  t.same(sent, []);
});
