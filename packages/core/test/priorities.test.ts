import t from 'tap';
import { noConsumerAttributes } from '../src/index.ts';
import { given, MasterBench, wish } from './support/master-bench.ts';
import { Bench, deliveries, send, settle, subscribe, tags, unsubscribe } from './support/test-bench.ts';

const queue = '/queue/q';
const exclusive = { ...noConsumerAttributes, exclusive: true };

t.test('the highest priority first, and what was sent first of one priority', async (t) => {
  const bench = new Bench();
  const priorities = [4, 9, 0, null, 9, 5];
  bench.do(...priorities.map((priority, i) => send('p', queue, `${priority}-${i}`, { priority })));
  t.same(deliveries(bench.do(subscribe('c', 1, queue))), [
    'c/1 9-1',
    'c/1 9-4',
    'c/1 5-5',
    'c/1 4-0',
    'c/1 null-3',
    'c/1 0-2',
  ]);
});

t.test(
  'what comes back stands in its old place among those of its priority, marked as it was; nothing else is',
  async (t) => {
    const bench = new Bench();
    bench.do(send('p', queue, 'low'), send('p', queue, 'high', { priority: 9 }), send('p', queue, 'low too'));
    const given = bench.do(subscribe('c', 1, queue, 2));
    t.same(deliveries(given), ['c/1 high', 'c/1 low']);
    bench.do(unsubscribe('c', 1));
    t.same(deliveries(bench.do(subscribe('d', 1, queue))), ['d/1 high again', 'd/1 low again', 'd/1 low too']);
  },
);

t.test('a later message of a higher priority makes no earlier one a redelivery', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, queue, 1));
  const [first] = tags(bench.do(send('p', queue, 'a'), send('p', queue, 'b')));
  bench.do(send('p', queue, 'urgent', { priority: 5 }));
  const second = bench.do(settle('c', 1, 'ack', [first!]));
  t.same(deliveries(second), ['c/1 urgent']);
  t.same(deliveries(bench.do(settle('c', 1, 'ack', tags(second)))), ['c/1 b']);
});

t.test('a dead letter keeps its priority', async (t) => {
  const bench = new Bench();
  const given = bench.do(subscribe('c', 1, queue), send('p', queue, 'one'), send('p', queue, 'two', { priority: 7 }));
  bench.do(settle('c', 1, 'dead-letter', tags(given)));
  t.same(deliveries(bench.do(subscribe('d', 1, bench.options.deadLetterQueue))), [
    'd/1 two again #2',
    'd/1 one again #2',
  ]);
});

t.test('consumers of a higher priority are served first, for as long as they have room', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('low', 1, queue, 10, 1e6, { priority: -1 }), subscribe('plain', 1, queue, 2));
  bench.do(subscribe('high', 1, queue, 2, 1e6, { priority: 5 }));
  const given = bench.do(...['1', '2', '3', '4', '5'].map((body) => send('p', queue, body)));
  t.same(deliveries(given), ['high/1 1', 'high/1 2', 'plain/1 3', 'plain/1 4', 'low/1 5']);
  bench.do(settle('high', 1, 'ack', tags(given).slice(0, 1)));
  t.same(deliveries(bench.do(send('p', queue, '6'), send('p', queue, '7'))), ['high/1 6', 'low/1 7']);
});

t.test('an exclusive consumer has the queue alone, until it leaves', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('plain', 1, queue), subscribe('one', 1, queue, 1, 1e6, { exclusive: true }));
  bench.do(subscribe('two', 1, queue, 10, 1e6, { exclusive: true }));
  t.same(deliveries(bench.do(send('p', queue, 'a'), send('p', queue, 'b'))), ['one/1 a'], 'also where it has no room');
  t.same(deliveries(bench.do(unsubscribe('one', 1))), ['two/1 a again', 'two/1 b']);
  t.same(deliveries(bench.do(unsubscribe('two', 1))), ['plain/1 a again', 'plain/1 b again']);
});

t.test('of several exclusive consumers the one of the highest priority is served', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('one', 1, queue, 10, 1e6, { exclusive: true }));
  t.same(deliveries(bench.do(send('p', queue, 'a'))), ['one/1 a']);
  bench.do(subscribe('two', 1, queue, 10, 1e6, { exclusive: true, priority: 3 }));
  t.same(deliveries(bench.do(send('p', queue, 'b'))), ['two/1 b']);
  bench.do(subscribe('three', 1, queue, 10, 1e6, { exclusive: true, priority: 3 }));
  t.same(deliveries(bench.do(send('p', queue, 'c'))), ['two/1 c']);
});

t.test('an exclusive consumer that settles all it has and leaves makes way for the next', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  for (const consumer of [1, 2]) {
    a.say({ type: 'subscribe', ...wish(consumer, queue), prefetchMessages: 1, attributes: exclusive });
  }
  bench.rest();
  a.send(queue, 'first', 'second');
  const [first] = given(bench.rest(), 'a');
  t.match(first, /^1:/);
  a.settle(1, queue, 'ack', [Number(first!.slice(2))]);
  a.say({ type: 'unsubscribe', consumer: 1 });
  t.same(given(bench.turn(), 'a'), [], 'it may come back yet');
  t.match(given(bench.rest(), 'a'), [/^2:\d+$/]);
});

t.test('a new master lets the exclusive consumer go on that holds messages', async (t) => {
  const bench = new MasterBench();
  const [a, b] = [bench.node('a'), bench.node('b')];
  a.say({ type: 'subscribe', ...wish(1, queue), attributes: exclusive });
  b.say({ type: 'subscribe', ...wish(1, queue), attributes: exclusive });
  bench.rest();
  a.send(queue, 'first');
  const [first] = given(bench.rest(), 'a');
  const position = Number(first!.split(':')[1]);
  bench.changeMaster();
  b.attach([{ ...wish(1, queue), attributes: exclusive }]);
  a.attach([{ ...wish(1, queue, [position]), attributes: exclusive }]);
  bench.rest();
  a.send(queue, 'second');
  const told = bench.rest();
  t.same([given(told, 'a').length, given(told, 'b').length], [1, 0]);
});
