import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';
import { Broker, defaultBrokerOptions, ImportWriter } from '../../src/index.ts';
import { SnapshotReader } from '../../src/snapshot/read.ts';
import { StateSnapshot } from '../../src/snapshot/write.ts';
import { DestinationNames } from '../../src/commands/destination-names.ts';
import { ReplicatedState } from '../../src/state/replicated-state.ts';
import { StreamRules } from '../../src/stream/stream-rules.ts';
import {
  Bench,
  deliveries,
  newMessage,
  noRecords,
  send,
  session,
  settle,
  subscribe,
  tags,
} from '../support/test-bench.ts';

const kib = 1024;

function restored(bench: Bench, chunks: Iterable<Uint8Array>): Broker {
  const broker = new Broker(bench.options);
  const restore = broker.restore(() => {});
  for (const chunk of chunks) restore.write(chunk);
  restore.finish([]);
  return broker;
}

/** What the chunks say that they refer to. */
function positionsIn(chunks: Iterable<Uint8Array>): number[] {
  const positions: number[] = [];
  const restore = new Broker(defaultBrokerOptions).restore((position) => positions.push(position));
  for (const chunk of chunks) restore.write(chunk);
  return positions.sort((a, b) => a - b);
}

/** A state with so many messages, that many to a queue, of which those at every `gap`th position are there. */
function stateOf(messages: number, perQueue: number, gap = 1): ReplicatedState {
  const state = new ReplicatedState(new DestinationNames());
  for (let i = 0; i < messages; i++) {
    const queue = state.queue(`/queue/${Math.floor(i / perQueue)}`);
    state.add(queue, 4, i + 1, 256, 0, null);
    if (gap > 1 && i % gap !== 0 && queue.list.find(i + 1)) state.removeFound(queue);
  }
  return state;
}

t.test('a snapshot brings everything but the bodies: counts, dead letters, parts, policy', async (t) => {
  const bench = new Bench({ maxDeliveries: 2 });
  bench.do(
    subscribe('c', 1, '/queue/q', 2),
    send('p', '/queue/q', '1'),
    send('p', '/queue/q', '2'),
    send('p', '/queue/r', 'ü'),
  );
  const [one, two] = [...bench.records.positions];
  bench.do(settle('c', 1, 'requeue', [one!]));
  bench.do(settle('c', 1, 'requeue', [one!]));
  bench.do(settle('c', 1, 'requeue', [two!]));
  bench.ask({
    type: 'commit',
    session: session('p'),
    sends: [
      { destination: '/queue/t', message: newMessage('part') },
      { destination: '/queue/t', message: newMessage('part 2') },
    ],
    settlements: [],
  });
  bench.apply(1);
  const copy = restored(bench, bench.broker.snapshot());
  t.equal(copy.digest(), bench.broker.digest());
  t.equal(copy.applied, bench.broker.applied);
  t.equal(copy.storeBytes, bench.broker.storeBytes);
  t.equal(copy.indexBytes, bench.broker.indexBytes);
  bench.broker.resign();
  bench.replaceBroker(copy);
  const effects = ['/queue/q', '/queue/r', '/queue/t', '/queue/ActiveMQ.DLQ'].flatMap((name, i) =>
    bench.do(subscribe('d', i, name)),
  );
  t.same(deliveries(effects), ['d/0 2 again #2', 'd/1 ü', 'd/2 part', 'd/2 part 2', 'd/3 1 again #3']);
  const dead = effects.find((effect) => effect.type === 'deliver' && effect.subscription === 3);
  t.match(dead, {
    message: {
      deadLetter: { reason: 'max-deliveries', originalDestination: '/queue/q' },
      destination: '/queue/ActiveMQ.DLQ',
      envelope: 7,
      attributes: null,
      timestampMs: 1000,
    },
  });
});

t.test('it names every record that the state refers to, those of dead letters and parts too', async (t) => {
  const bench = new Bench({ maxDeliveries: 1 });
  bench.do(subscribe('c', 1, '/queue/q'));
  const given = tags(bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body))));
  bench.do(settle('c', 1, 'ack', given.slice(0, 1)), settle('c', 1, 'requeue', given.slice(1, 2)));
  const sends = ['part', 'another'].map((body) => ({ destination: '/queue/t', message: newMessage(body) }));
  bench.ask({ type: 'commit', session: session('p'), sends, settlements: [] });
  bench.apply(1);
  const positions = positionsIn(bench.broker.snapshot());
  t.same(positions, [given[1], given[2], bench.broker.applied]);
  t.same(
    positions,
    [...bench.records.positions].sort((a, b) => a - b),
  );
});

t.test('dead letters of many queues, in long runs and in turns, keep their past', async (t) => {
  const writer = new ImportWriter();
  const commands = [writer.begin(1_000).slice()];
  const queue = defaultBrokerOptions.deadLetterQueue;
  for (let i = 0; i < 5000; i++) {
    const origin = i < 2500 ? 'long' : `${i % 3}-${'x'.repeat(200)}`;
    const deadLetter = { reason: i % 7 === 0 ? 'rejected' : 'max-deliveries', originalDestination: `/queue/${origin}` };
    commands.push(writer.message({ queue, timestampMs: 1, count: i % 9, deadLetter, ...newMessage('') }).slice());
  }
  commands.push(writer.end().slice());
  const broker = new Broker(defaultBrokerOptions);
  for (const [i, command] of commands.entries()) broker.apply((i + 1) as JournalPosition, command, noRecords, []);
  const copy = new Broker(defaultBrokerOptions);
  const restore = copy.restore(() => {});
  for (const chunk of broker.snapshot()) {
    t.ok(chunk.length <= 64 * kib);
    restore.write(chunk);
  }
  restore.finish([]);
  t.same([...copy.messages()], [...broker.messages()]);
});

t.test('what is applied after the call does not show, however late the chunks are read', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'));
  const effects = bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body)));
  const digest = bench.broker.digest();
  const snapshot = bench.broker.snapshot();
  bench.do(
    settle('c', 1, 'requeue', tags(effects).slice(0, 1)),
    settle('c', 1, 'ack', tags(effects).slice(1)),
    send('p', '/queue/q', '4'),
  );
  t.not(bench.broker.digest(), digest);
  t.equal(restored(bench, snapshot).digest(), digest);
});

t.test('the call touches no message, and no chunk touches more than a few thousand', async (t) => {
  for (const [messages, perQueue, gap] of [
    [100_000, 100_000, 1],
    [200_000, 200_000, 100],
    [100_000, 10, 1],
    [20_000, 1, 1],
  ] as const) {
    const state = stateOf(messages, perQueue, gap);
    const snapshot = new StateSnapshot(state);
    t.equal(snapshot.slots, 0);
    // All of it goes meanwhile.
    const queues = [...state.queues.values()];
    for (const queue of queues) while (queue.list.findFrom(0)) state.removeFound(queue);
    const reader = new SnapshotReader(new DestinationNames(), new StreamRules(), () => {});
    let before = 0;
    let chunks = 0;
    for (const chunk of snapshot) {
      t.ok(chunk.length <= 64 * kib, 'at most 64 KiB');
      t.ok(snapshot.slots - before <= 50_000, `${snapshot.slots - before} slots looked at for a chunk`);
      before = snapshot.slots;
      chunks++;
      reader.write(chunk);
    }
    const live = [...reader.finish().queues.values()].reduce((sum, { list }) => sum + list.length, 0);
    t.equal(live, Math.ceil(messages / gap));
    t.ok(chunks > 2 || gap > 1);
  }
});

t.test('equal states give equal bytes, however they came about', async (t) => {
  const straight = stateOf(5000, 500, 3);
  // The same messages, put in and taken out in another order, with others between, in queues made in another order.
  const other = new ReplicatedState(new DestinationNames());
  for (let i = 4999; i >= 0; i--) {
    const queue = other.queue(`/queue/${Math.floor(i / 500)}`);
    other.add(queue, 4, i + 1, i % 3 === 0 ? 256 : 7, 0, null);
    other.queue(`/queue/empty-${i}`);
  }
  for (let i = 0; i < 5000; i++) {
    const queue = other.queue(`/queue/${Math.floor(i / 500)}`);
    if (i % 3 !== 0 && queue.list.find(i + 1)) other.removeFound(queue);
  }
  t.ok(Buffer.concat([...new StateSnapshot(straight)]).equals(Buffer.concat([...new StateSnapshot(other)])));
});

t.test('several snapshots, each read when it likes, are each of their own moment', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'));
  const taken = [];
  for (let i = 0; i < 6; i++) {
    const given = tags(bench.do(...Array.from({ length: 300 }, (_, j) => send('p', '/queue/q', `${j}`))));
    bench.do(settle('c', 1, 'ack', given.slice(0, 100 * (i % 4))));
    taken.push({ snapshot: bench.broker.snapshot(), digest: bench.broker.digest() });
  }
  for (const { snapshot, digest } of taken.reverse()) t.equal(restored(bench, snapshot).digest(), digest);
});

t.test('bytes that are no whole snapshot change nothing', async (t) => {
  const bench = new Bench();
  bench.do(send('p', '/queue/q', '1'));
  const digest = bench.broker.digest();
  const [chunk] = [...bench.broker.snapshot()];
  const restore = bench.broker.restore(() => {});
  restore.write(chunk!.subarray(0, chunk!.length - 1));
  t.throws(() => restore.finish([]), /not whole/);
  const other = chunk!.slice();
  other[2] = 9;
  t.throws(() => bench.broker.restore(() => {}).write(other), /unknown version 9/);
  t.equal(bench.broker.digest(), digest);
  t.ok(bench.broker.master);
});

t.test('a digest tells states apart that differ in the size of a message, or in its count', async (t) => {
  const digests = ['a', 'bb', 'c'].map((body, i) => {
    const bench = new Bench();
    const given = tags(bench.do(subscribe('c', 1, '/queue/q'), send('p', '/queue/q', body)));
    bench.do(settle('c', 1, i < 2 ? 'requeue' : 'discard', [99]));
    if (i === 2) bench.do(settle('c', 1, 'requeue', given));
    return bench.broker.digest();
  });
  t.equal(new Set(digests).size, 3);
});
