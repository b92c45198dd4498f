import t from 'tap';
import { errorOf, SessionBench } from './support.ts';
import type { Headers } from './support.ts';

function send(headers: Headers, body = 'b'): SessionBench {
  return SessionBench.connected('1.2').client('SEND', headers, body);
}

t.test("a SEND keeps the user's headers in order, without the broker's own", async () => {
  const bench = send({
    'b-user': '1',
    destination: '/queue/a',
    receipt: 'r',
    'content-length': '1',
    persistent: 'true',
    'message-id': 'forged',
    subscription: 'forged',
    ack: 'forged',
    redelivered: 'true',
    'delivery-count': '9',
    timestamp: '1',
    'dead-letter-reason': 'x',
    'original-destination': 'x',
    'lockstep-path': 'x',
    'a-user': 'colon:and\nline',
    'content-type': 'text/plain',
    priority: '7',
    'correlation-id': 'c',
  });
  const block = 'b-user:1\na-user:colon\\cand\\nline\ncontent-type:text/plain\ncorrelation-id:c\n';
  t.same(bench.asked(), [`send /queue/a ${JSON.stringify(block)} b`]);
});

t.test('the envelope tells version and content-length', async () => {
  const envelope = (version: '1.0' | '1.1' | '1.2', headers: Headers): number => {
    const bench = SessionBench.connected(version).client('SEND', { destination: '/queue/a', ...headers }, 'b');
    const request = bench.requests()[0]!;
    return request.type === 'send' ? request.message.envelope : -1;
  };
  t.same([envelope('1.0', {}), envelope('1.1', {}), envelope('1.2', {})], [0, 1, 2]);
  t.equal(envelope('1.1', { 'content-length': '1' }), 5);
});

t.test('the receipt comes with the reply, not before', async () => {
  const bench = send({ destination: '/queue/a', receipt: 'one' }).client('SEND', { destination: '/queue/a' });
  t.same(bench.written(), []);
  bench.answer();
  t.same(bench.written(), ['RECEIPT\nreceipt-id:one']);
  t.equal(bench.session.unansweredCount, 0);
  t.equal(bench.session.unansweredBytes, 0);
});

t.test('a refusal is an ERROR that names the destination and bears the receipt', async () => {
  const bench = send({ destination: '/queue/a', receipt: 'one' });
  bench.answer({ code: 'store-full', message: 'the store is full: delete or consume messages' });
  const frames = bench.written();
  t.equal(errorOf(frames), 'SEND /queue/a: the store is full: delete or consume messages');
  t.match(frames[0], /\nreceipt-id:one\n/);
  t.same(bench.asked(), ['endSession clean']);
});

t.test('canonical destinations', async () => {
  for (const [written, canonical] of [
    ['/queue/a.b', '/queue/a.b'],
    ['/topic/a', '/topic/a'],
    ['plain', '/queue/plain'],
    ['/amq/queue/q', '/queue/q'],
    ['/exchange/amq.topic/k.l', '/topic/k.l'],
    ['/queue/with/slash', '/queue/with/slash'],
    [`/queue/${'é'.repeat(127)}`, `/queue/${'é'.repeat(127)}`],
  ] as const) {
    t.same(send({ destination: written }).asked(), [`send ${canonical} "" b`], written);
  }
});

t.test('destinations that are refused, with the reason', async () => {
  for (const [written, message] of [
    ['/temp-queue/x', 'SEND: a temporary queue (/temp-queue/x) is not supported in this version'],
    ['/temp-topic/x', 'SEND: a temporary topic (/temp-topic/x) is not supported in this version'],
    ['/dsub/x', "SEND: a durable subscription's queue (/dsub/x) is not supported in this version"],
    ['/queue/a,/topic/b', 'SEND: a composite destination (/queue/a,/topic/b) is not supported in this version'],
    ['/queue/a.*', 'SEND: a wildcard in a destination (/queue/a.*) is not supported in this version'],
    ['/queue/a.>', 'SEND: a wildcard in a destination (/queue/a.>) is not supported in this version'],
    [
      '/exchange/amq.topic/a.#',
      'SEND: a wildcard in a destination (/exchange/amq.topic/a.#) is not supported in this version',
    ],
    ['/topic/VirtualTopic.x', 'SEND: a virtual topic (/topic/VirtualTopic.x) is not supported in this version'],
    ['/queue/', 'SEND: destination without a name: /queue/'],
    ['/exchange/other/k', 'SEND: no such kind of destination: /exchange/other/k'],
    ['/', 'SEND: no such kind of destination: /'],
    ['/queue/a\nb', 'SEND: control character in destination /queue/a.b'],
    [`/queue/${'é'.repeat(128)}`, `SEND: destination longer than 255 bytes: /queue/${'é'.repeat(53)}...`],
    ['', 'SEND: destination without a name: '],
  ] as const) {
    const bench = send({ destination: written });
    t.equal(errorOf(bench.written()), message);
    t.same(bench.asked(), ['endSession clean']);
  }
  t.equal(errorOf(send({}).written()), 'SEND: missing header destination');
});

t.test('the ERROR names the accepted forms', async () => {
  const frame = send({ destination: '/temp-queue/x' }).written()[0];
  t.match(frame, /Destinations are \/queue\/NAME and \/topic\/NAME/);
});

t.test('what may not be ignored is refused; what asks for nothing passes', async () => {
  for (const [name, value] of [
    ['expires', '1'],
    ['ttl', '1000'],
    ['expiration', '10'],
    ['AMQ_SCHEDULED_DELAY', '1'],
    ['AMQ_SCHEDULED_CRON', '* * * * *'],
    ['JMSXGroupID', 'g'],
    ['reply-to', '/temp-queue/x'],
  ] as const) {
    const bench = send({ destination: '/queue/a', [name]: value });
    t.equal(errorOf(bench.written()), `SEND: header ${name} is not supported in this version`);
    t.same(bench.asked(), ['endSession clean']);
  }
  for (const [name, value] of [
    ['expires', '0'],
    ['reply-to', '/queue/answers'],
    ['selector', 'user header'],
  ] as const) {
    t.same(send({ destination: '/queue/a', [name]: value }).asked(), [`send /queue/a "${name}:${value}\\n" b`]);
  }
});

t.test('a refused header is found when its name is escaped, too', async () => {
  const bench = SessionBench.connected('1.2');
  bench.bytes(Buffer.from('SEND\ndestination:/queue/a\nuser:a\\cb\nttl:5\n\n\0'));
  t.equal(errorOf(bench.written()), 'SEND: header ttl is not supported in this version');
});
