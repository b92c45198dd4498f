import t from 'tap';
import type { Request } from '../src/index.ts';
import { Bench, deliveries, end, replies, send, settle, subscribe, tags, unsubscribe } from './support/test-bench.ts';

t.test(
  'a topic message goes to those who subscribe then, as one object, with an id of its own, and not through the log',
  async (t) => {
    const bench = new Bench();
    bench.do(subscribe('a', 1, '/topic/t'), subscribe('b', 1, '/topic/t'), subscribe('b', 2, '/topic/other'));
    const before = bench.log.commands.length;
    const effects = bench.ask(send('p', '/topic/t', '1'));
    t.same(replies(effects), ['p']);
    t.same(deliveries(effects), ['a/1 1', 'b/1 1']);
    const [first, second] = effects.flatMap((effect) => (effect.type === 'deliver' ? [effect.message] : []));
    t.equal(first, second);
    t.match(first, { position: 0, volatileId: 'v2-1', destination: '/topic/t', timestampMs: 1000 });
    t.equal(bench.log.commands.length, before);
    t.same(deliveries(bench.ask(subscribe('c', 1, '/topic/t'))), []);
    bench.ask(unsubscribe('a', 1), end('b', 'lost'));
    t.same(deliveries(bench.ask(send('p', '/topic/t', '2'))), ['c/1 2']);
    bench.ask(end('c', 'clean'));
    t.same(bench.broker.topics(), []);
  },
);

t.test('a topic message waits for what its producer sent before, and its reply with it', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/topic/t'));
  const asked = bench.ask(
    send('p', '/queue/q', '1'),
    send('p', '/topic/t', '2'),
    send('p', '/queue/q', '3'),
    send('p', '/topic/t', '4'),
  );
  t.same(asked, []);
  t.same(deliveries(bench.ask(send('other', '/topic/t', 'mine'))), ['c/1 mine'], 'others do not wait for it');
  const first = bench.apply(1);
  t.same([replies(first), deliveries(first)], [['p', 'p'], ['c/1 2']]);
  const second = bench.apply(1);
  t.same([replies(second), deliveries(second)], [['p', 'p'], ['c/1 4']]);
});

t.test('what waits goes out even when its producer has left meanwhile', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/topic/t'));
  bench.ask(send('p', '/queue/q', '1'), send('p', '/topic/t', '2'), end('p', 'clean'));
  const effects = bench.apply();
  t.same([replies(effects), deliveries(effects)], [[], ['c/1 2']]);
});

t.test('SUBSCRIBE and UNSUBSCRIBE take effect after what the session asked before', async (t) => {
  const bench = new Bench();
  t.same(bench.ask(send('p', '/queue/q', '1'), subscribe('p', 1, '/topic/t')), []);
  t.same(deliveries(bench.ask(send('x', '/topic/t', 'early'))), []);
  t.same(replies(bench.apply()), ['p', 'p']);
  t.same(deliveries(bench.ask(send('x', '/topic/t', '2'))), ['p/1 2']);
  t.same(replies(bench.ask(send('p', '/queue/q', '3'), unsubscribe('p', 1))), []);
  t.same(deliveries(bench.ask(send('x', '/topic/t', '4'))), ['p/1 4']);
  t.same(replies(bench.apply()), ['p', 'p']);
  t.same(deliveries(bench.ask(send('x', '/topic/t', '5'))), []);
});

t.test('the window holds for topics too, in any order of ACKs; nonsense tags do nothing', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/topic/t', 2));
  const effects = bench.do(...['1', '2', '3', '4', '5'].map((body) => send('p', '/topic/t', body)));
  t.same(deliveries(effects), ['c/1 1', 'c/1 2']);
  t.same(
    bench.broker.topics().map(({ waitingMessages }) => waitingMessages),
    [3],
  );
  t.same(deliveries(bench.do(settle('c', 1, 'ack', [2, 2, 77, -1, 0.5]))), ['c/1 3']);
  t.same(deliveries(bench.do(settle('c', 1, 'requeue', [1, 1]))), ['c/1 4'], 'there is nowhere to put it back');
  const given = tags(bench.do(settle('c', 1, 'ack', [3])));
  t.same(given, [5]);
});

t.test('a subscriber that falls too far behind is closed, and told why; others go on', async (t) => {
  const bench = new Bench({ topicBacklogBytesMax: 500 });
  bench.do(
    subscribe('slow', 1, '/topic/t', 1),
    subscribe('slow', 2, '/queue/q'),
    subscribe('quick', 1, '/topic/t'),
    subscribe('next', 1, '/queue/q', 1),
  );
  bench.do(send('p', '/queue/q', 'held'));
  const big = 'x'.repeat(100);
  t.same(
    bench.do(send('p', '/topic/t', big), send('p', '/topic/t', big)).filter(({ type }) => type === 'closeSession'),
    [],
  );
  const effects = bench.do(send('p', '/topic/t', big), send('p', '/topic/t', big));
  t.match(
    effects.filter(({ type }) => type === 'closeSession'),
    [{ session: 'slow', code: 'slow-consumer' }],
  );
  t.same(deliveries(effects).at(-1), 'next/1 held again', 'what it held goes to others, uncounted');
  t.same(bench.do(subscribe('slow', 3, '/queue/q'), send('slow', '/queue/q', 'late'), end('slow', 'lost')), []);
  t.same(deliveries(bench.do(send('p', '/topic/t', 'on'))), ['quick/1 on']);
});

t.test('a turn may bring more than the backlog holds, as long as the window takes it', async (t) => {
  const bench = new Bench({ topicBacklogBytesMax: 500 });
  bench.do(subscribe('c', 1, '/topic/t'));
  const effects = bench.ask(...Array.from({ length: 20 }, () => send('p', '/topic/t', 'x'.repeat(100))));
  t.equal(deliveries(effects).length, 20);
  t.equal(effects.filter(({ type }) => type === 'closeSession').length, 0);
});

t.test('what waits behind a stuck log is bounded', async (t) => {
  const bench = new Bench({ waitingBytesMax: 500 });
  bench.ask(send('p', '/queue/q', '1'), ...Array.from({ length: 3 }, () => send('p', '/topic/t', 'x'.repeat(100))));
  t.same(replies(bench.apply()).toSorted(), ['p', 'p', 'p', 'p overloaded']);
});

t.test('what a session asks for behind a refused message is refused, in its turn', async (t) => {
  let full: string | null = null;
  const bench = new Bench({ sendsRefused: () => full, messageBytesMax: 50 });
  bench.do(subscribe('c', 1, '/topic/t'));
  full = 'no room';
  bench.ask(send('p', '/queue/q', '1'), send('p', '/topic/t', '2'), send('q', '/topic/t', '3'));
  full = null;
  const effects = [...bench.ask(send('p', '/queue/q', '4')), ...bench.do(send('p', '/topic/t', '5'))];
  t.same(
    replies(effects),
    ['p store-full', 'p behind-refused', 'p behind-refused', 'p behind-refused'],
    'though there is room again',
  );
  t.same(deliveries(effects), []);
  const sends = [send('r', '/queue/q', '1'), send('r', '/topic/t', '2'), send('r', '/queue/q', 'x'.repeat(99))];
  const mixed = bench.do(...sends, send('r', '/topic/t', '4'), settle('r', 1, 'ack', []));
  t.same(
    replies(mixed).toSorted(),
    ['r', 'r', 'r', 'r behind-refused', 'r too-large'],
    'what was asked before is done',
  );
  t.same(deliveries(mixed), ['c/1 2']);
});

t.test('without leave nothing is handed out, but it waits', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/topic/t'));
  bench.broker.handle({ ...send('p', '/topic/t', '1'), token: 99 } as Request, []);
  bench.broker.flush([], false);
  t.same(deliveries(bench.ask()), ['c/1 1']);
});
