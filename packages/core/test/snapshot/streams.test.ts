import t from 'tap';
import { DestinationNames } from '../../src/commands/destination-names.ts';
import { commandType } from '../../src/commands/format.ts';
import { StreamRules } from '../../src/index.ts';
import { digestOf } from '../../src/snapshot/digest.ts';
import { SnapshotReader } from '../../src/snapshot/read.ts';
import { StateSnapshot } from '../../src/snapshot/write.ts';
import type { ReplicatedState } from '../../src/state/replicated-state.ts';
import { enqueue, lapse, mark, openStream, refuse, settled, StateBench, streamed } from '../support/stream-commands.ts';

const queue = '/queue/q';

function restored(chunks: Iterable<Uint8Array>, positions: number[] = [], cut = 7): ReplicatedState {
  const reader = new SnapshotReader(new DestinationNames(), new StreamRules(), (position) => positions.push(position));
  for (const chunk of chunks) for (let at = 0; at < chunk.length; at += cut) reader.write(chunk.subarray(at, at + cut));
  return reader.finish();
}

/** Two streams, one of which lapsed, with open transactions, marks, returned and suspect messages. */
function stateWithStreams(): StateBench {
  const bench = new StateBench();
  const a = bench.apply(openStream('a', 'r1'));
  const b = bench.apply(openStream('ü', 'r2'));
  for (const body of ['1', '2', '3']) bench.apply(enqueue(queue, body));
  bench.apply(mark(a, true, queue, '/queue/z'));
  bench.apply(lapse(a));
  bench.apply(mark(a, true, '/queue/z', '/queue/y'));
  bench.apply(streamed(commandType.transactionPart, a, 1, queue, 'part of a'));
  bench.apply(streamed(commandType.transactionPart, b, 1, '/queue/r', 'part of b'));
  bench.apply(enqueue(queue, '4'));
  bench.apply(enqueue(queue, '5'));
  bench.apply(settled(b, 2, queue, 'ack', [99], 1));
  bench.apply(settled(b, 3, queue, 'return', [12]));
  return bench;
}

t.test('streams, marks, open transactions and what was delivered are in a snapshot', async (t) => {
  const bench = stateWithStreams();
  const positions: number[] = [];
  const state = restored(new StateSnapshot(bench.state), positions);
  t.same(state.streams, bench.state.streams);
  t.match(state.streams.get('a'), { epoch: 1, run: 'r1', number: 1, lapsedAt: 7, parts: [{ position: 9 }] });
  t.same([...state.streams.get('a')!.marks], ['/queue/y', '/queue/z']);
  t.same(new Set(positions), bench.records.positions);
  t.equal(state.storeBytes, bench.state.storeBytes);
  t.equal(digestOf(new StateSnapshot(state)), digestOf(new StateSnapshot(bench.state)));
  const { list } = state.queues.get(queue)!;
  const delivered: [number, boolean][] = [];
  for (let from = 0; list.findFrom(from); from = list.position + 1) {
    delivered.push([list.position, state.queues.get(queue)!.foundWasDelivered]);
  }
  t.same(delivered, [
    [3, true],
    [4, true],
    [5, true],
    [11, false],
    [12, true],
  ]);
});

t.test('a snapshot is what was at its call, whatever the streams do while it is read', async (t) => {
  const bench = stateWithStreams();
  const before = digestOf(new StateSnapshot(bench.state));
  const snapshot = new StateSnapshot(bench.state);
  bench.apply(settled(1, 2, queue, 'ack', [3], 1));
  bench.apply(mark(1, true, '/queue/more'));
  bench.apply(settled(2, 4, queue, 'return', [11]));
  t.equal(digestOf(snapshot), before);
});

t.test('what is applied behind a snapshot goes on where it was', async (t) => {
  const bench = stateWithStreams();
  const state = restored(new StateSnapshot(bench.state));
  const commands = [
    streamed(commandType.enqueue, 2, 4, queue, 'x'),
    settled(1, 2, queue, 'ack', [3], 1),
    lapse(1),
    openStream('ü', 'r9'),
  ];
  for (const command of commands) {
    const position = bench.apply(command);
    state.apply(position as never, command, { retain: () => {}, release: () => {} });
    t.equal(digestOf(new StateSnapshot(state)), digestOf(new StateSnapshot(bench.state)));
  }
});

t.test('sessions of which something was refused are in a snapshot, in the order of their numbers', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r'));
  for (let number = 1; number <= 5000; number++) bench.apply(refuse(epoch, number, number, 9000 - number));
  bench.apply(refuse(epoch, 5001, 5001, 8000));
  const snapshot = new StateSnapshot(bench.state);
  const before = [...bench.state.streams.get('a')!.refused];
  bench.apply(refuse(epoch, 5002, 5002, 1, 5000));
  const chunks = [...snapshot];
  t.ok(chunks.every(({ length }) => length <= 64 * 1024));
  const state = restored(chunks, [], 60_000);
  t.same([...state.streams.get('a')!.refused], before);
  t.equal(before.length, 5000);
  t.same(before.at(-1), [8000, 5001]);
  t.not(digestOf(new StateSnapshot(state)), digestOf(new StateSnapshot(bench.state)));
});

t.test('many marks are cut into records', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r'));
  const queues = Array.from({ length: 5000 }, (_, i) => `/queue/${'n'.repeat(40)}${i}`);
  bench.apply(mark(epoch, true, ...queues));
  const chunks = [...new StateSnapshot(bench.state)];
  t.ok(chunks.length > 2);
  t.ok(chunks.every(({ length }) => length <= 64 * 1024));
  t.same(restored(chunks, [], 60_000).streams.get('a')!.marks, new Set(queues));
});
