import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';
import { commandType } from '../../src/commands/format.ts';
import { inspectCommand, lostCommand, readMessage } from '../../src/index.ts';
import { enqueue, lapse, mark, openStream, refuse, settled, StateBench, streamed } from '../support/stream-commands.ts';
import { bodyOf, noRecords } from '../support/test-bench.ts';

const queue = '/queue/q';
const send = (epoch: number, number: number, body: string): Uint8Array =>
  streamed(commandType.enqueue, epoch, number, queue, body);
const part = (epoch: number, number: number, body: string): Uint8Array =>
  streamed(commandType.transactionPart, epoch, number, queue, body);

t.test('a command takes effect once, in its place, and what does not is nowhere', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r1'), 5);
  t.equal(epoch, 5);
  const one = bench.apply(send(epoch, 1, '1'));
  for (const bytes of [send(epoch, 1, '1'), send(epoch, 3, '3'), send(epoch, 0, '0'), send(4, 2, '2')])
    bench.apply(bytes);
  const two = bench.apply(send(epoch, 2, '2'));
  t.same(bench.in(queue), [`${one}`, `${two}`]);
  t.same([...bench.records.positions], [one, two], 'records of what did not take effect are not kept');
  t.same(bench.heard, ['opened a r1 5', 'taken 5 1', 'taken 5 2']);
  t.match(bench.state.streams.get('a'), { epoch, run: 'r1', number: 2 });
});

t.test('the same process asks twice and keeps its stream; another one voids it', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r1'));
  bench.apply(openStream('a', 'r1'));
  bench.apply(part(epoch, 1, 'p'));
  bench.apply(mark(epoch, true, queue));
  bench.apply(enqueue(queue, 'x'));
  const second = bench.apply(openStream('a', 'r2'));
  t.equal(bench.state.streams.size, 1);
  t.match(bench.state.streams.get('a'), { epoch: second, number: 0, parts: [], lapsedAt: 0 });
  t.equal(bench.state.openStream(epoch), undefined);
  t.same(bench.heard.slice(3), [`lapsed ${epoch}`, `opened a r2 ${second}`]);
  t.same(bench.in(queue), ['5!'], 'what it may have had comes again as such');
  t.same([...bench.records.positions], [5], 'the part is let go of');
  bench.apply(send(epoch, 2, 'late'));
  t.equal(bench.in(queue).length, 1);
});

t.test('transactions of several nodes may alternate in the log', async (t) => {
  const bench = new StateBench();
  const a = bench.apply(openStream('a', 'r'));
  const b = bench.apply(openStream('b', 'r'));
  bench.apply(part(a, 1, 'a1'));
  bench.apply(part(b, 1, 'b1'));
  bench.apply(part(a, 2, 'a2'));
  t.same(bench.in(queue), []);
  t.ok(bench.state.storeBytes > 0);
  bench.apply(settled(b, 2, queue, 'ack', [], 1));
  t.same(bench.in(queue), ['4']);
  bench.apply(settled(a, 3, queue, 'ack', [4], 2));
  t.same(bench.in(queue), ['3', '5']);
  bench.apply(part(a, 4, 'a3'));
  bench.apply(settled(a, 5, queue, 'ack', [4], 1));
  t.equal(bench.heard.at(-1), `taken ${a} 5 not accepted`);
  bench.apply(part(a, 6, 'a4'));
  bench.apply(settled(a, 7, queue, 'ack', [], 2));
  t.equal(bench.heard.at(-1), `taken ${a} 7 not accepted`, 'a transaction that is not whole is none');
  t.same([...bench.records.positions], [3, 5]);
});

t.test('a refusal ends its numbers and the transaction whose parts were there', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r'));
  bench.apply(part(epoch, 1, 'p'));
  bench.apply(refuse(epoch, 3, 4));
  bench.apply(refuse(epoch, 2, 1));
  t.equal(bench.state.streams.get('a')!.number, 1);
  bench.apply(refuse(epoch, 2, 4));
  t.equal(bench.heard.at(-1), `refused ${epoch} 2-4 store-full é full`);
  t.equal(bench.records.positions.size, 0);
  bench.apply(send(epoch, 5, 'x'));
  t.equal(bench.in(queue).length, 1);
});

t.test('of which sessions something was refused is known until their node has known it', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r'));
  const refused = (): unknown => [...bench.state.streams.get('a')!.refused];
  bench.apply(refuse(epoch, 1, 2, 7, 0));
  bench.apply(refuse(epoch, 3, 3, 8, 1));
  bench.apply(refuse(epoch, 4, 4, 7, 1));
  t.same(refused(), [
    [8, 3],
    [7, 4],
  ]);
  bench.apply(refuse(epoch, 9, 9, 9, 8));
  t.same(refused(), [
    [8, 3],
    [7, 4],
  ]);
  bench.apply(refuse(epoch, 5, 6, 10, 3));
  t.same(refused(), [
    [7, 4],
    [10, 6],
  ]);
});

t.test('marks and a lapse tell which messages may have been delivered', async (t) => {
  const bench = new StateBench();
  const a = bench.apply(openStream('a', 'r'));
  const b = bench.apply(openStream('b', 'r'));
  for (const name of [queue, '/queue/r', '/queue/s']) bench.apply(enqueue(name, 'old'));
  bench.apply(mark(a, true, queue, '/queue/r', '/queue/empty'));
  bench.apply(mark(b, true, '/queue/s'));
  bench.apply(mark(a, false, '/queue/r'));
  t.same([...bench.state.streams.get('a')!.marks], [queue, '/queue/empty']);
  const at = bench.apply(lapse(a));
  t.match(bench.state.streams.get('a'), { lapsedAt: at, epoch: a });
  t.equal(bench.state.streams.get('a')!.marks.size, 0);
  bench.apply(enqueue(queue, 'new'));
  t.same([bench.in(queue), bench.in('/queue/r'), bench.in('/queue/s')], [['3!', '10'], ['4'], ['5']]);
  bench.apply(settled(a, 1, queue, 'ack', [3, 10]));
  t.equal(bench.state.queues.get(queue)!.suspectBelow, 0, 'an empty queue has no past');
  bench.apply(lapse(99));
  bench.apply(mark(99, true, queue));
});

t.test('what is returned is marked, counts nothing, and stays where it is', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r'));
  bench.apply(enqueue(queue, '1'));
  bench.apply(enqueue(queue, '2'));
  bench.apply(settled(epoch, 1, queue, 'return', [2, 77]));
  t.same(bench.in(queue), ['2!', '3']);
  const { list } = bench.state.queues.get(queue)!;
  t.ok(list.find(2));
  t.equal(list.count, 0);
  bench.apply(settled(epoch, 2, queue, 'ack', [3, 77], 0));
  t.same(bench.in(queue), ['2!', '3!'], 'so is what a refused transaction would have settled');
});

t.test('a count and the mark of what was returned do not touch each other', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r'));
  bench.apply(enqueue('/queue/ActiveMQ.DLQ', '1'));
  const { list } = bench.state.queues.get('/queue/ActiveMQ.DLQ')!;
  t.ok(list.find(2));
  list.setCount(0x7fff);
  t.equal(list.count, 0x7fff);
  bench.apply(settled(epoch, 1, '/queue/ActiveMQ.DLQ', 'return', [2]));
  t.ok(list.find(2));
  t.equal(list.count, 0x7fff);
  list.setCount(0);
  t.equal(list.count, 0);
  t.ok(list.wasDelivered);
});

t.test('the message of a streamed command is read like any other, and tools see what it is', async (t) => {
  const bytes = send(300, 70_000, 'hello');
  const message = readMessage(bytes, { position: 9 as JournalPosition, destination: queue, deadLetter: null });
  t.equal(bodyOf(message), 'hello');
  t.equal(message.timestampMs, 1_000);
  t.match(inspectCommand(bytes), { kind: 'message', queue });
  t.match(inspectCommand(part(1, 1, 'x')), { kind: 'part', queue });
  t.match(inspectCommand(settled(1, 2, queue, 'ack', [5, 6])), { kind: 'settlement', settled: [5, 6] });
  t.match(inspectCommand(settled(1, 2, queue, 'ack', [5], 3)), { kind: 'end', settled: [5] });
  for (const other of [openStream('a', 'r'), lapse(1), mark(1, true, queue), refuse(1, 1, 1)]) {
    t.match(inspectCommand(other), { kind: 'stream', queue: null, settled: [] });
  }
  t.equal(inspectCommand(Uint8Array.of(1, 8, 0xff)), null);
  t.throws(
    () => readMessage(lapse(1), { position: 1 as JournalPosition, destination: queue, deadLetter: null }),
    /no message/,
  );
});

t.test('where entries are lost, what stands behind them takes effect all the same', async (t) => {
  const bench = new StateBench();
  const a = bench.apply(openStream('a', 'r'));
  bench.apply(send(a, 1, '1'));
  bench.apply(part(a, 2, 'p'));
  t.same(bench.state.abandonParts(4 as JournalPosition), [3]);
  t.ok(bench.state.lacksParts(settled(a, 4, queue, 'ack', [], 2)));
  bench.apply(send(a, 5, '5'), 5);
  bench.apply(send(a, 7, '7'), 6);
  t.same(bench.in(queue), ['2', '5'], 'there was one hole');
  t.same(bench.state.abandonParts(7 as JournalPosition), []);
  bench.state.apply(9 as JournalPosition, send(7, 3, 'of a stream whose opening is lost'), noRecords);
  bench.state.apply(10 as JournalPosition, send(8, 1, 'of none'), noRecords);
  t.same(bench.in(queue), ['2', '5', '9']);
});

t.test('a repaired log says itself what is lost', async (t) => {
  const bench = new StateBench();
  const a = bench.apply(openStream('a', 'r'));
  bench.apply(send(a, 1, '1'));
  bench.apply(part(a, 2, 'p'));
  bench.apply(lostCommand);
  t.equal(bench.state.streams.get('a')?.parts.length, 0, 'a transaction of which a part may be missing is nothing');
  bench.apply(send(a, 5, '5'));
  bench.apply(send(a, 7, '7'));
  t.same(bench.in(queue), ['2', '5'], 'there was one hole');
});
