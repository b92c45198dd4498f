import t from 'tap';
import { errorOf, SessionBench } from './support.ts';
import type { StompVersion } from '../../src/codec/index.ts';
import type { Headers } from './support.ts';

/** A session that holds the messages 11 to 14 of `/queue/a`. */
function holding(version: StompVersion, mode: string): SessionBench {
  const bench = SessionBench.connected(version).client('SUBSCRIBE', { id: 's', destination: '/queue/a', ack: mode });
  for (const position of [11, 12, 13, 14]) bench.deliver({ position });
  bench.written();
  bench.answer();
  return bench;
}

t.test('each version names the message its own way and ignores the other headers', async () => {
  const named: [StompVersion, Headers][] = [
    ['1.0', { 'message-id': '12' }],
    ['1.1', { 'message-id': '12', subscription: 's' }],
    ['1.2', { id: '12' }],
    ['1.0', { 'message-id': '12', id: 'x', subscription: 'x' }],
    ['1.1', { 'message-id': '12', id: 'x', subscription: 's' }],
    ['1.2', { id: '12', 'message-id': 'x', subscription: 'x' }],
  ];
  for (const [version, headers] of named) {
    t.same(holding(version, 'client-individual').client('ACK', headers).asked(), ['settle 1 ack 12'], version);
  }
});

t.test('a missing header is named', async () => {
  const error = (version: StompVersion, headers: Headers): string | undefined =>
    errorOf(holding(version, 'client').client('ACK', headers).written());
  t.equal(error('1.2', { 'message-id': '11' }), 'ACK: missing header id');
  t.equal(error('1.1', { 'message-id': '11' }), 'ACK: missing header subscription');
  t.equal(error('1.1', { id: '11', subscription: 's' }), 'ACK: missing header message-id');
  t.equal(error('1.0', { id: '11' }), 'ACK: missing header message-id');
});

t.test('client is cumulative within its own subscription, for NACK too', async () => {
  const bench = holding('1.2', 'client').client('SUBSCRIBE', { id: 't', destination: '/queue/b', ack: 'client' });
  bench.deliver({ subscription: 2, position: 5, destination: '/queue/b' });
  bench.requests();
  t.same(bench.client('ACK', { id: '12' }).asked(), ['settle 1 ack 11,12']);
  t.same(bench.client('NACK', { id: '14' }).asked(), ['settle 1 requeue 13,14']);
  t.same(bench.client('ACK', { id: '5' }).asked(), ['settle 2 ack 5']);
});

t.test('client is cumulative in the order of delivery, also when a message comes again', async () => {
  const bench = holding('1.2', 'client').client('NACK', { id: '11' });
  bench.deliver({ position: 11, redelivered: true, deliveryCount: 2 });
  bench.requests();
  t.same(bench.client('ACK', { id: '12' }).asked(), ['settle 1 ack 12']);
  t.same(bench.client('ACK', { id: '11' }).asked(), ['settle 1 ack 13,14,11']);
});

t.test('what NACK may ask for', async () => {
  const nack = (headers: Headers): SessionBench =>
    holding('1.2', 'client-individual').client('NACK', { id: '11', ...headers });
  t.same(nack({}).asked(), ['settle 1 requeue 11']);
  t.same(nack({ action: 'requeue' }).asked(), ['settle 1 requeue 11']);
  t.same(nack({ action: 'dead-letter' }).asked(), ['settle 1 dead-letter 11']);
  t.same(nack({ action: 'discard' }).asked(), ['settle 1 discard 11']);
  t.same(nack({ requeue: 'false' }).asked(), ['settle 1 dead-letter 11']);
  t.same(nack({ requeue: 'true' }).asked(), ['settle 1 requeue 11']);
  t.equal(
    errorOf(nack({ action: 'delay', delay: '5' }).written()),
    'NACK: action delay is not supported in this version',
  );
  t.equal(errorOf(nack({ action: 'eat' }).written()), 'NACK: unknown action eat');
  t.equal(
    errorOf(holding('1.0', 'client').client('NACK', { 'message-id': '11' }).written()),
    'NACK: unknown in STOMP 1.0',
  );
});

t.test('a message that this session was never given is unknown', async () => {
  for (const id of ['15', '10', 'v1-1', 'x', '', '12.9.9', '99999999999999999999']) {
    const bench = holding('1.2', 'client').client('ACK', { id, receipt: 'r' });
    const frames = bench.written();
    t.equal(errorOf(frames), `ACK: unknown message: this session was never given id ${id}`);
    t.match(frames[0], /\nreceipt-id:r\n/);
    t.same(bench.asked(), ['endSession clean']);
  }
  const other = holding('1.1', 'client').client('ACK', { 'message-id': '15', subscription: 's' });
  t.equal(errorOf(other.written()), 'ACK: unknown message: this session was never given message-id 15');
});

t.test('one that is settled already is passed over, and its receipt comes after what is under way', async () => {
  const bench = holding('1.2', 'client-individual')
    .client('ACK', { id: '11' })
    .client('ACK', { id: '11', receipt: 'r' });
  t.same(bench.written(), [], 'the first ACK is not durable yet');
  bench.answer();
  t.same(bench.written(), ['RECEIPT\nreceipt-id:r']);
  bench.client('NACK', { id: '11', receipt: 'again' });
  t.same(bench.written(), ['RECEIPT\nreceipt-id:again']);
  t.same(bench.asked(), []);
});

t.test('after UNSUBSCRIBE an ACK of what it held is passed over', async () => {
  const bench = holding('1.1', 'client').client('UNSUBSCRIBE', { id: 's' });
  t.same(bench.asked(), ['unsubscribe 1']);
  bench.client('ACK', { 'message-id': '11', subscription: 's' });
  t.same(bench.asked(), []);
  t.notOk(bench.session.isFinishing);
});

t.test('the same message for two subscriptions has two ack ids', async () => {
  const bench = SessionBench.connected('1.2');
  bench.client('SUBSCRIBE', { id: 'a', destination: '/topic/t', ack: 'client' });
  bench.client('SUBSCRIBE', { id: 'b', destination: '/topic/t', ack: 'client' });
  bench.requests();
  for (const subscription of [1, 2])
    bench.deliver({ subscription, volatileId: 'v3-7', tag: 7, destination: '/topic/t' });
  const ackIds = bench.written().map((frame) => /^ack:(.*)$/m.exec(frame)?.[1]);
  t.same(ackIds, ['v3-7', 'v3-7.2']);
  t.same(bench.client('ACK', { id: 'v3-7.2' }).asked(), ['settle 2 ack 7']);
  t.same(bench.client('ACK', { id: 'v3-7' }).asked(), ['settle 1 ack 7']);
  t.same(bench.client('ACK', { id: 'v3-7.2' }).asked(), [], 'settled');
  t.notOk(bench.session.isFinishing);
});

t.test('1.0, one message for two subscriptions: the first ACK is of the first', async () => {
  const bench = SessionBench.connected('1.0');
  bench.client('SUBSCRIBE', { id: 'a', destination: '/topic/t', ack: 'client' });
  bench.client('SUBSCRIBE', { id: 'b', destination: '/topic/t', ack: 'client' });
  bench.requests();
  for (const subscription of [1, 2])
    bench.deliver({ subscription, volatileId: 'v3-7', tag: 7, destination: '/topic/t' });
  t.same(bench.client('ACK', { 'message-id': 'v3-7' }).asked(), ['settle 1 ack 7']);
  t.same(bench.client('ACK', { 'message-id': 'v3-7' }).asked(), ['settle 2 ack 7']);
  t.same(bench.client('ACK', { 'message-id': 'v3-7' }).asked(), []);
});

t.test('auto: settled once what was written has gone out, in one request for each subscription', async () => {
  const bench = SessionBench.connected('1.2').client('SUBSCRIBE', { id: 's', destination: '/queue/a' });
  bench.client('SUBSCRIBE', { id: 't', destination: '/queue/b', ack: 'auto' });
  bench.requests();
  bench.deliver({ position: 3 }).deliver({ position: 4 }).deliver({ position: 9, subscription: 2 });
  t.same(bench.asked(), [], 'not before it is written');
  t.notMatch(bench.written()[0], /\nack:/);
  t.same(bench.asked(), ['settle 1 ack 3,4', 'settle 2 ack 9']);
  bench.written();
  t.same(bench.asked(), [], 'once');
  bench.client('ACK', { id: '3', receipt: 'r' });
  t.same(bench.asked(), [], 'an ACK under auto changes nothing');
  t.notOk(bench.session.isFinishing);
});
