import t from 'tap';

import { queueReasons, queueSummary } from '../../../src/node/explain/queue-reasons.ts';
import type { NodeView } from '../../../src/node/explain/types.ts';
import { codes, consumer, facts, nowMs, queue, subscription, view } from './bench.ts';

t.test('a queue that nobody has heard of, with the one that may be meant', async (t) => {
  const unknown = queue(0, {}, false);
  t.match(queueReasons(unknown, facts(), null), [
    { code: 'unknown-destination', nearest: null, text: /^nothing is known of \/queue\/q: .*; check the name$/ },
  ]);
  t.match(queueReasons(unknown, facts(), '/queue/p'), [{ nearest: '/queue/p', text: /did you mean \/queue\/p\?$/ }]);
  t.same(codes(queueReasons(queue(0, {}), facts(), null)), ['empty'], 'it has been used');
  const subscribed = queue(0, { consumers: [consumer()] }, false);
  t.same(codes(queueReasons(subscribed, facts(), null)), ['empty'], 'somebody waits for it');
});

t.test('messages and no consumer', async (t) => {
  const one = queueReasons(queue(1, { ready: 1 }), facts(), null);
  t.same(one, [
    {
      ...{ code: 'no-consumer', ready: 1 },
      text: '1 message waits, and nobody has subscribed to /queue/q: start a consumer',
    },
  ]);
  t.match(queueReasons(queue(2, { ready: 2 }), facts(), null), [{ text: /^2 messages wait, / }]);
});

t.test('every window full: whose, how full, and since when; who has held longest comes first', async (t) => {
  const full = { isFull: true, messagesMax: 1, messages: 1, bytes: 100 };
  const consumers = [
    consumer({ ...full, consumer: 3, longestSinceMs: nowMs - 5_000 }),
    consumer({ ...full, longestSinceMs: nowMs - 95_000 }),
  ];
  const [reason, ...more] = queueReasons(queue(9, { ready: 7, consumers }), facts(), null);
  t.same(more, []);
  t.match(reason, {
    code: 'windows-full',
    text: /^7 messages wait: each of its 2 consumers has as many .* for longest session b-1-1 on node b \(127\.0\.0\.1:5000\), with 1 message, of at most 1, for 95 s\. It must acknowledge/,
    ready: 7,
    count: 2,
    consumers: [
      { node: 'b', session: 'b-1-1', client: '127.0.0.1:5000', messages: 1, longestMs: 95_000, orLonger: false },
      { node: 'b', session: null, client: null, longestMs: 5_000 },
    ],
  });
  const room = [consumers[0]!, consumer({ consumer: 8 })];
  t.same(codes(queueReasons(queue(8, { ready: 7, consumers: room }), facts(), null)), ['moving'], 'one has room');
});

t.test('a window may be full of bytes; and what a mastership found held may have been so for longer', async (t) => {
  const bytes = { isFull: true, messages: 2, bytes: 20_000, bytesMax: 20_000 };
  const consumers = [consumer({ ...bytes, longestSinceMs: nowMs - 599_000 })];
  const [reason] = queueReasons(queue(5, { ready: 3, consumers }), facts(), null);
  t.match(reason, {
    text: /its only consumer, .* holds 2 messages, 20 KiB of at most 20 KiB, the oldest for 10 min or longer\. /,
    consumers: [{ orLonger: true }],
  });
});

t.test('of many consumers twenty are named', async (t) => {
  const consumers = Array.from({ length: 50 }, (_, i) =>
    consumer({ consumer: i, isFull: true, messages: 10, longestSinceMs: nowMs - i * 1000 }),
  );
  const [reason] = queueReasons(queue(600, { ready: 100, consumers }), facts(), null);
  t.match(reason, { count: 50, consumers: { length: 20 } });
});

t.test('a new master waits for nodes that may hold messages', async (t) => {
  const leases = { leaseLeftMs: (node: string): number | null => (node === 'b' ? 4_000 : null) };
  const one = queueReasons(queue(3, { ready: 3, awaited: ['b'] }), facts(leases), null);
  t.same(codes(one), ['queue-waits'], 'whose consumers there may be is not known yet');
  t.match(one[0], {
    text: /clients of node b may hold messages of \/queue\/q: .* before that node has said so, at the latest in 4\.0 s, /,
    nodes: [{ node: 'b', leaseLeftMs: 4_000 }],
  });
  const two = queueReasons(queue(3, { ready: 3, awaited: ['b', 'c'], consumers: [consumer()] }), facts(), null);
  t.match(two[0], { text: /clients of nodes b and c may hold .* before those nodes have said so\. / });
  t.equal(
    queueSummary(queue(3, { ready: 3, awaited: ['b'] })),
    '3 messages (300 bytes); no consumers, as far as is known already',
  );
});

t.test('consumers of a node that is away, and what becomes of what they hold', async (t) => {
  const away = { state: 'away', messages: 2, isFull: false } as const;
  const consumers = [consumer(away), consumer({ ...away, consumer: 8 }), consumer({ ...away, node: 'c' })];
  const leases = { leaseLeftMs: (node: string): number | null => (node === 'b' ? 7_000 : null) };
  t.match(queueReasons(queue(7, { ready: 1, consumers }), facts(leases), null), [
    {
      ...{ code: 'node-away', node: 'b', count: 2, messages: 4, leaseLeftMs: 7_000 },
      text: /^node b is away: its 2 consumers \(with 4 unacknowledged messages\) .*; what they hold goes to others in 7\.0 s\. /,
    },
    { code: 'node-away', node: 'c', count: 1, leaseLeftMs: null, text: /^node c is away: its 1 consumer / },
  ]);
});

t.test('one has the queue alone, and others stand by', async (t) => {
  const exclusive = consumer({ exclusive: true, messages: 10, isFull: true, longestSinceMs: nowMs });
  const standby = consumer({ consumer: 8, state: 'standby' });
  t.match(queueReasons(queue(12, { ready: 2, consumers: [standby, exclusive] }), facts(), null), [
    { code: 'windows-full', count: 1, text: /: the only consumer that may get them, session b-1-1 on node b / },
    {
      ...{ code: 'exclusive', node: 'b', session: 'b-1-1', standby: 1 },
      text: /^session b-1-1 on node b \(127\.0\.0\.1:5000\) has the queue alone .*: 1 other consumer stands by, /,
    },
  ]);
  const away = { ...exclusive, state: 'away' } as const;
  t.same(codes(queueReasons(queue(12, { ready: 2, consumers: [standby, away] }), facts(), null)), [
    'exclusive',
    'node-away',
  ]);
});

t.test('all is with consumers, or on its way out', async (t) => {
  const consumers = [consumer({ messages: 2, longestSinceMs: nowMs - 3000 }), consumer({ consumer: 8 })];
  t.match(queueReasons(queue(3, { settling: 1, consumers }), facts(), null), [
    {
      ...{ code: 'all-held', messages: 2, count: 1 },
      text: /^nothing is left to hand out: 2 messages are with 1 consumer .* holds 2 messages, of at most 10, the oldest for 3\.0 s\. /,
    },
    { code: 'settling', messages: 1, text: /^1 message has been acknowledged, / },
  ]);
});

t.test('a consumer that has just come, and messages that could not be read', async (t) => {
  const joining = queueReasons(queue(2, { ready: 2, consumers: [consumer({ state: 'joining' })] }), facts(), null);
  t.match(joining, [{ code: 'consumer-joining', count: 1 }]);
  const unreadable = queueReasons(queue(2, { setAside: 2, consumers: [consumer()] }), facts(), null);
  t.match(unreadable, [
    { code: 'unreadable', messages: 2, text: /^2 messages could not be read .*`lockstep transfer`/ },
  ]);
});

t.test('a client that does not read stands before what comes of it; another queue’s does not', async (t) => {
  const consumers = [consumer({ messages: 10, isFull: true, longestSinceMs: nowMs })];
  const slow = (of: number): readonly NodeView[] => [
    view({ subscriptions: [subscription({ consumer: of, unsentBytes: 1 << 20 })] }),
  ];
  const reasons = queueReasons(queue(12, { ready: 2, consumers }), facts({ nodes: slow(7) }), null);
  t.same(codes(reasons), ['slow-socket', 'windows-full']);
  t.match(reasons[0], { session: 'b-1-1', unsentBytes: 1 << 20, text: /does not read what it is sent: 1024 KiB wait/ });
  t.same(codes(queueReasons(queue(12, { ready: 2, consumers }), facts({ nodes: slow(8) }), null)), ['windows-full']);
});

t.test('how it stands, in a line', async (t) => {
  t.equal(queueSummary(queue(0, {})), 'no messages; no consumers');
  t.equal(
    queueSummary(queue(3, { ready: 1, consumers: [consumer()] })),
    '3 messages (300 bytes), 1 ready, 2 with consumers or being settled; 1 consumer',
  );
  t.equal(queueSummary(queue(1, null)), '1 message (100 bytes)');
  t.same(queueReasons(queue(1, null), facts(), null), [], 'nobody but the master knows');
});
