import t from 'tap';
import { errorOf, SessionBench } from './support.ts';
import type { StompVersion } from '../../src/codec/index.ts';
import type { Headers } from './support.ts';

function subscribe(headers: Headers, version: StompVersion = '1.2'): SessionBench {
  return SessionBench.connected(version).client('SUBSCRIBE', { destination: '/queue/a', ...headers });
}
const BYTES = 16 * 1024 * 1024;

t.test('prefetch: default, given, zero, capped', async () => {
  const asked = (headers: Headers): string[] => subscribe({ id: 's', ...headers }).asked();
  t.same(asked({}), [`subscribe 1 /queue/a 1000 ${BYTES}`]);
  t.same(asked({ 'prefetch-count': '1' }), [`subscribe 1 /queue/a 1 ${BYTES}`]);
  t.same(asked({ 'activemq.prefetchSize': '20' }), [`subscribe 1 /queue/a 20 ${BYTES}`]);
  t.same(asked({ 'prefetch-count': '3', 'activemq.prefetchSize': '20' }), [`subscribe 1 /queue/a 3 ${BYTES}`]);
  t.same(asked({ 'prefetch-count': '0' }), [`subscribe 1 /queue/a 1000 ${BYTES}`]);
  t.same(asked({ 'prefetch-count': '2147483647' }), [`subscribe 1 /queue/a 65535 ${BYTES}`]);
  for (const bad of ['-1', 'x', '1.5', '1e3']) {
    t.equal(errorOf(subscribe({ id: 's', 'prefetch-count': bad }).written()), `SUBSCRIBE: bad prefetch-count: ${bad}`);
  }
});

t.test('the windows of many subscriptions together stay bounded', async () => {
  const bench = SessionBench.connected('1.2');
  for (let i = 0; i < 1000; i++) bench.client('SUBSCRIBE', { id: String(i), destination: '/queue/a' });
  let bytes = 0;
  for (const request of bench.requests()) {
    if (request.type !== 'subscribe') continue;
    bytes += request.prefetchBytes;
    bench.session.effect({ type: 'reply', session: bench.id, token: request.token, refusal: null });
  }
  t.ok(bytes < 200 * 1024 * 1024, `${bytes}`);
  bench.client('SUBSCRIBE', { id: 'more', destination: '/queue/a' });
  t.equal(errorOf(bench.written()), 'SUBSCRIBE: more than 1000 subscriptions on one connection');
});

t.test('ids: asked for in 1.1 and 1.2, unique while in use; in 1.0 the destination stands for one', async () => {
  t.equal(errorOf(subscribe({}, '1.1').written()), 'SUBSCRIBE: missing header id');
  t.equal(errorOf(subscribe({}, '1.2').written()), 'SUBSCRIBE: missing header id');
  const twice = subscribe({ id: 's' }).client('SUBSCRIBE', { id: 's', destination: '/queue/b' }).answer();
  t.equal(errorOf(twice.written()), 'SUBSCRIBE: subscription id s is already in use');
  const again = subscribe({ id: 's' })
    .client('UNSUBSCRIBE', { id: 's' })
    .client('SUBSCRIBE', { id: 's', destination: '/queue/b' });
  t.same(again.asked(), [`subscribe 1 /queue/a 1000 ${BYTES}`, 'unsubscribe 1', `subscribe 2 /queue/b 1000 ${BYTES}`]);
  const old = subscribe({}, '1.0').deliver({ position: 4 });
  t.match(old.written()[0], /\nsubscription:\/queue\/a\n/);
  old.requests();
  t.same(old.client('UNSUBSCRIBE', { destination: '/queue/a' }).asked(), ['unsubscribe 1']);
  const named = subscribe({ id: 'n' }, '1.0');
  named.requests();
  t.same(named.client('UNSUBSCRIBE', { destination: '/queue/a' }).asked(), ['unsubscribe 1']);
});

t.test('receipts of SUBSCRIBE and UNSUBSCRIBE come with the reply', async () => {
  const bench = subscribe({ id: 's', receipt: 'r1' });
  t.same(bench.written(), []);
  t.same(bench.answer().written(), ['RECEIPT\nreceipt-id:r1']);
  bench.client('UNSUBSCRIBE', { id: 's', receipt: 'r2' });
  t.same(bench.answer().written(), ['RECEIPT\nreceipt-id:r2']);
});

t.test('UNSUBSCRIBE of nothing is an ERROR, and what arrives late for a gone one is passed over', async () => {
  t.equal(
    errorOf(SessionBench.connected('1.2').client('UNSUBSCRIBE', { id: 'x' }).written()),
    'UNSUBSCRIBE: no subscription x on this connection',
  );
  t.equal(errorOf(SessionBench.connected('1.2').client('UNSUBSCRIBE').written()), 'UNSUBSCRIBE: missing header id');
  const bench = subscribe({ id: 's' }).client('UNSUBSCRIBE', { id: 's' }).deliver({ position: 1 });
  t.same(bench.written(), []);
});

t.test('ack modes', async () => {
  for (const mode of ['auto', 'client', 'client-individual'])
    t.same(subscribe({ id: 's', ack: mode }).asked(), [`subscribe 1 /queue/a 1000 ${BYTES}`]);
  t.equal(errorOf(subscribe({ id: 's', ack: 'batch' }).written()), 'SUBSCRIBE: unknown ack mode batch');
});

t.test('what may not be ignored is refused', async () => {
  for (const [name, value] of [
    ['selector', "a = 'b'"],
    ['browser', 'true'],
    ['activemq.noLocal', 'true'],
    ['no-local', 'true'],
    ['activemq.retroactive', 'true'],
    ['activemq.subscriptionName', 'd'],
    ['durable-subscription-name', 'd'],
    ['ack-timeout', '1000'],
    ['redelivery-delay', '3'],
    ['redelivery-backoff', '3'],
  ] as const) {
    const bench = subscribe({ id: 's', [name]: value });
    t.equal(errorOf(bench.written()), `SUBSCRIBE: header ${name} is not supported in this version`);
    t.same(bench.asked(), ['endSession clean']);
  }
  t.equal(
    errorOf(subscribe({ id: 's', 'x-message-ttl': '1' }).written()),
    'SUBSCRIBE: queue argument x-message-ttl is not supported in this version',
  );
  t.equal(
    errorOf(subscribe({ id: 's', destination: '/topic/a', durable: 'true' }).written()),
    'SUBSCRIBE: header durable is not supported in this version',
  );
  const bench = subscribe({ id: 's' }).client('UNSUBSCRIBE', { id: 's', 'activemq.subscriptionName': 'd' }).answer();
  t.equal(errorOf(bench.written()), 'UNSUBSCRIBE: header activemq.subscriptionName is not supported in this version');
});

t.test('a bad selector is an ERROR that points at the place', async () => {
  const bench = subscribe({ id: 's', selector: "price > AND region = 'eu'" });
  const [error = ''] = bench.written();
  t.equal(errorOf([error]), 'SUBSCRIBE: selector, column 9: expected a name or a value, found AND');
  t.match(error, "found AND\n  price > AND region = 'eu'\n          ^");
  t.same(bench.asked(), ['endSession clean']);
  const long = subscribe({ id: 's', selector: `${"a = 'b' OR ".repeat(2000)}c LIKE 5` });
  t.match(errorOf(long.written()), "SUBSCRIBE: selector, column 22008: expected a pattern in ', found the number 5");
});

t.test('what asks for nothing, or only advises, passes', async () => {
  const headers = {
    id: 's',
    browser: 'false',
    'x-priority': '3',
    'x-queue-type': 'quorum',
    'activemq.priority': '3',
    durable: 'true',
    selector: ' ',
  };
  t.same(subscribe(headers).asked(), [`subscribe 1 /queue/a 1000 ${BYTES}`]);
});

t.test('wildcards and advisories are refused in SUBSCRIBE, too', async () => {
  const error = (destination: string): string | undefined => errorOf(subscribe({ id: 's', destination }).written());
  t.equal(
    error('/topic/a.*.b'),
    'SUBSCRIBE: a wildcard in a destination (/topic/a.*.b) is not supported in this version',
  );
  t.equal(error('/queue/>'), 'SUBSCRIBE: a wildcard in a destination (/queue/>) is not supported in this version');
  t.equal(
    error('/topic/ActiveMQ.Advisory.Connection'),
    'SUBSCRIBE: an advisory topic (/topic/ActiveMQ.Advisory.Connection) is not supported in this version',
  );
  t.equal(
    error('/queue/Consumer.A.VirtualTopic.B'),
    'SUBSCRIBE: a virtual topic (/queue/Consumer.A.VirtualTopic.B) is not supported in this version',
  );
});
