import t from 'tap';
import { innerTypeAt } from '../src/commands/streamed.ts';
import type { Settlement } from '../src/index.ts';
import {
  Bench,
  deliveries,
  end,
  newMessage,
  replies,
  send,
  session,
  settle,
  subscribe,
  tags,
} from './support/test-bench.ts';
import type { RequestWish } from './support/test-bench.ts';

function commit(of: string, sends: readonly [string, string][], settlements: readonly Settlement[] = []): RequestWish {
  const messages = sends.map(([destination, body]) => ({ destination, message: newMessage(body) }));
  return { type: 'commit', session: session(of), sends: messages, settlements };
}

t.test('a transaction takes effect as one, and each message has its own place', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'), subscribe('c', 2, '/queue/r'));
  bench.ask(
    send('p', '/queue/q', '1'),
    commit('p', [
      ['/queue/q', '2'],
      ['/queue/r', '3'],
      ['/queue/q', '4'],
    ]),
    send('p', '/queue/q', '5'),
  );
  t.same(deliveries(bench.apply(4)), ['c/1 1'], 'parts without their end are nowhere');
  const effects = bench.apply(1);
  t.same(deliveries(effects).toSorted(), ['c/1 2', 'c/1 4', 'c/2 3']);
  t.same(
    tags(effects).toSorted((a, b) => a - b),
    [5, 6, 7],
  );
  t.same(replies(effects), ['p']);
  t.same(deliveries(bench.apply()), ['c/1 5']);
});

t.test(
  'a transaction of which an earlier master has brought only parts into the log is ended by the next',
  async (t) => {
    const bench = new Bench();
    bench.do(send('p', '/queue/q', '0'));
    bench.ask(
      commit('p', [
        ['/queue/q', '1'],
        ['/queue/q', '2'],
      ]),
    );
    bench.apply(2);
    t.same(deliveries(bench.changeMaster()), []);
    t.same(replies(bench.rest()), ['p']);
    bench.do(
      commit('p', [
        ['/queue/q', '3'],
        ['/queue/q', '4'],
      ]),
    );
    t.same(deliveries(bench.do(subscribe('c', 1, '/queue/q'))), ['c/1 0', 'c/1 1', 'c/1 2', 'c/1 3', 'c/1 4']);
  },
);

t.test('a transaction refused for one message leaves all others as they were', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q', 2), subscribe('c', 2, '/queue/r', 2));
  const given = tags(bench.do(send('p', '/queue/q', '1'), send('p', '/queue/q', '2'), send('p', '/queue/r', '3')));
  const all: Settlement[] = [
    { subscription: 1, outcome: 'ack', tags: [given[0]!, given[1]!] },
    { subscription: 2, outcome: 'ack', tags: [given[2]!, 99] },
  ];
  t.same(replies(bench.do(commit('c', [['/queue/q', 'no']], all))), ['c no-such-message']);
  t.same(replies(bench.do(commit('d', [], [{ subscription: 9, outcome: 'ack', tags: [1] }]))), ['d no-such-message']);
  t.same(deliveries(bench.do(send('p', '/queue/q', '4'))), [], 'the window is as full as before');
  t.same(
    replies(bench.do(settle('c', 1, 'ack', given.slice(0, 2)))),
    ['c'],
    'and the messages may be settled after all',
  );
  t.same(
    bench.broker.queues().map(({ name, depth }) => [name, depth]),
    [
      ['/queue/q', 1],
      ['/queue/r', 1],
    ],
  );
});

t.test('one settled in a transaction under way is not handed out again, whoever goes', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'), subscribe('d', 1, '/queue/q', 1));
  const given = tags(bench.do(send('p', '/queue/q', '1')));
  bench.ask(commit('c', [['/queue/r', 'x']], [{ subscription: 1, outcome: 'ack', tags: given }]), end('c', 'lost'));
  t.same(deliveries(bench.do()), []);
  t.same(
    bench.broker.queues().map(({ name, depth }) => [name, depth]),
    [
      ['/queue/q', 0],
      ['/queue/r', 1],
    ],
  );
});

t.test('a transaction that could not be proposed waits as a whole', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q', 1));
  const given = tags(bench.do(send('p', '/queue/q', '1'), send('p', '/queue/q', '2')));
  bench.log.refusing = true;
  const wish = commit('c', [['/queue/q', '3']], [{ subscription: 1, outcome: 'ack', tags: given }]);
  t.same(bench.ask(wish), []);
  bench.log.refusing = false;
  const effects = bench.do(wish);
  t.same(
    [replies(effects), deliveries(effects)],
    [['c', 'c no-such-message'], ['c/1 2']],
    'what was asked for twice is refused',
  );
});

t.test('one send alone is a plain entry, and an empty transaction none', async (t) => {
  const bench = new Bench();
  const before = bench.log.commands.length;
  t.same(replies(bench.do(commit('p', [['/queue/q', '1']]))), ['p']);
  t.equal(bench.log.commands.length, before + 1);
  t.same(replies(bench.do(commit('p', []))), ['p']);
  t.equal(bench.log.commands.length, before + 1);
});

t.test('topic messages of a transaction are published with it, and not when it is refused', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/topic/t'), subscribe('c', 2, '/queue/q'));
  t.same(
    deliveries(
      bench.ask(
        commit('p', [
          ['/topic/t', 'a'],
          ['/queue/q', 'b'],
        ]),
      ),
    ),
    [],
  );
  t.same(deliveries(bench.do()).toSorted(), ['c/1 a', 'c/2 b']);
  t.same(deliveries(bench.do(commit('p', [['/topic/t', 'only']]))), ['c/1 only']);
  t.same(deliveries(bench.do(commit('p', [['/topic/t', 'no']], [{ subscription: 1, outcome: 'ack', tags: [5] }]))), []);
  t.same(replies(bench.do(commit('c', [], [{ subscription: 1, outcome: 'ack', tags: [1, 2] }]))), ['c']);
});

t.test('an earlier settlement of the session is in the log before its transaction', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'));
  const given = tags(bench.do(send('p', '/queue/q', '1')));
  const before = bench.log.commands.length;
  bench.ask(
    settle('c', 1, 'ack', given),
    commit('c', [
      ['/queue/r', 'a'],
      ['/queue/r', 'b'],
    ]),
  );
  t.same(
    bench.log.commands.slice(before).map(({ bytes }) => bytes[innerTypeAt(bytes)]),
    [3, 4, 4, 5],
  );
});
