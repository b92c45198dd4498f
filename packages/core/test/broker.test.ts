import t from 'tap';
import { Bench, deliveries, end, replies, send, settle, subscribe, tags, unsubscribe } from './support/test-bench.ts';

t.test('a message is handed out only once it is applied, and its SEND answered then', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'));
  t.same(bench.ask(send('p', '/queue/q', 'one')), []);
  const effects = bench.apply();
  t.same(replies(effects), ['p']);
  t.same(deliveries(effects), ['c/1 one']);
});

t.test('messages come in order, and consumers with room take turns', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 2), subscribe('b', 1, '/queue/q', 3));
  const effects = bench.do(...['1', '2', '3', '4', '5', '6'].map((body) => send('p', '/queue/q', body)));
  t.same(deliveries(effects), ['a/1 1', 'b/1 2', 'a/1 3', 'b/1 4', 'b/1 5']);
  t.same(deliveries(bench.do(settle('a', 1, 'ack', tags(effects).slice(0, 1)))), ['a/1 6']);
});

t.test('credit returns when the ACK comes in, not when it is applied', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 1));
  const [tag] = tags(bench.do(send('p', '/queue/q', '1'), send('p', '/queue/q', '2')));
  t.same(deliveries(bench.ask(settle('a', 1, 'ack', [tag!]))), ['a/1 2']);
});

t.test('the window counts bytes, and lets one message of any size through', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 100, 10));
  const effects = bench.do(
    send('p', '/queue/q', 'x'.repeat(50)),
    send('p', '/queue/q', '2'),
    send('p', '/queue/q', '3'),
  );
  t.same(deliveries(effects), [`a/1 ${'x'.repeat(50)}`]);
  t.same(deliveries(bench.do(settle('a', 1, 'ack', tags(effects)))), ['a/1 2', 'a/1 3']);
});

t.test('what a subscription held goes back to its old place, marked, and no delivery is counted', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 2));
  bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body)));
  bench.do(unsubscribe('a', 1));
  t.same(deliveries(bench.do(subscribe('b', 1, '/queue/q'))), ['b/1 1 again', 'b/1 2 again', 'b/1 3']);
});

t.test(
  'a lost session counts a delivery for the message that each subscription held longest, and for no other',
  async (t) => {
    const bench = new Bench();
    bench.do(subscribe('a', 1, '/queue/q', 3));
    bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body)));
    bench.do(subscribe('b', 1, '/queue/q', 10));
    t.same(deliveries(bench.ask(end('a', 'lost'))), ['b/1 2 again', 'b/1 3 again'], 'the first waits for its requeue');
    t.same(deliveries(bench.apply()), ['b/1 1 again #2']);
  },
);

t.test('a session that ends in good order counts none', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 3));
  bench.do(send('p', '/queue/q', '1'));
  bench.do(end('a', 'clean'));
  t.same(deliveries(bench.do(subscribe('b', 1, '/queue/q'))), ['b/1 1 again']);
});

t.test('a settlement under way keeps its message from others, whoever goes', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q'), subscribe('b', 1, '/queue/q', 1));
  const effects = bench.do(send('p', '/queue/q', '1'));
  bench.ask(settle('a', 1, 'ack', tags(effects)));
  t.same(deliveries(bench.ask(end('a', 'lost'))), []);
  t.same(deliveries(bench.apply()), []);
  t.same(bench.broker.queues(), [{ name: '/queue/q', depth: 0, bytes: 0, consumers: 1, unsettled: 0 }]);
});
