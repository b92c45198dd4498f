import { noAttributes, noConsumerAttributes } from '@lockstep/core';
import t from 'tap';
import { errorOf, SessionBench } from './support.ts';
import type { MessageAttributes } from '@lockstep/core';
import type { Headers } from './support.ts';

/** What the SEND asks for, and the header lines that are kept. */
function sent(headers: Headers, version: '1.1' | '1.2' = '1.2'): [MessageAttributes | null, string] {
  const bench = SessionBench.connected(version).client('SEND', { destination: '/queue/a', ...headers }, 'b');
  const request = bench.requests()[0];
  if (request?.type !== 'send') throw new Error(`refused: ${errorOf(bench.written())}`);
  return [request.message.attributes, Buffer.from(request.message.headerBlock).toString()];
}

function refusal(headers: Headers): string | undefined {
  const bench = SessionBench.connected('1.2').client('SEND', { destination: '/queue/a', ...headers }, 'b');
  return errorOf(bench.written());
}

t.test('a SEND that asks for nothing has no attributes', async (t) => {
  t.same(sent({ k: 'v', persistent: 'true' }), [null, 'k:v\n']);
});

t.test('a priority is from 0 to 9; beyond, the nearest', async (t) => {
  for (const [written, priority] of [
    ['0', 0],
    ['4', 4],
    ['9', 9],
    ['10', 9],
    ['255', 9],
    ['-1', 0],
    [' 7 ', 7],
    ['+3', 3],
  ] as const) {
    t.same(sent({ a: '1', priority: written, b: '2' }), [{ ...noAttributes, priority }, 'a:1\nb:2\n'], written);
  }
  for (const written of ['', 'high', '1.5', '0x9', '9'.repeat(16)]) {
    t.equal(refusal({ priority: written }), `SEND: bad priority: ${written}`);
  }
});

t.test('the first priority counts, also where its name is escaped', async (t) => {
  const bench = SessionBench.connected('1.2');
  bench.bytes(Buffer.from('SEND\ndestination:/queue/a\nk\\c:v\npriority:2\npriority:8\n\nb\0'));
  t.match(bench.requests()[0], { message: { attributes: { priority: 2 } } });
});

t.test('beside other attributes: what the sender says of keeping it', async (t) => {
  const of = (headers: Headers) => sent({ priority: '1', ...headers })[0]?.persistence;
  t.same([of({}), of({ persistent: 'true' }), of({ persistent: 'false' })], ['unsaid', 'yes', 'no']);
});

t.test('a duplicate id, by either name; the header comes out as it went in', async (t) => {
  t.same(sent({ 'duplicate-id': 'a b', k: 'v' }), [{ ...noAttributes, duplicateId: 'a b' }, 'duplicate-id:a b\nk:v\n']);
  t.same(sent({ _AMQ_DUPL_ID: 'x' })[0], { ...noAttributes, duplicateId: 'x' });
  t.same(sent({ _AMQ_DUPL_ID: 'x', 'duplicate-id': 'y' })[0], { ...noAttributes, duplicateId: 'y' });
  t.equal(sent({ 'duplicate-id': '' })[0], null);
  t.equal(sent({ 'duplicate-id': 'é'.repeat(127) })[0]?.duplicateId.length, 127);
  t.match(refusal({ 'duplicate-id': 'é'.repeat(128) }), /^SEND: duplicate-id longer than 255 bytes: é/);
  t.match(refusal({ destination: '/topic/t', 'duplicate-id': 'x' }), /^SEND: a duplicate id of a topic message is not/);
});

t.test('how a SUBSCRIBE wants to be served', async (t) => {
  const subscribed = (headers: Headers) => {
    const bench = SessionBench.connected('1.2').client('SUBSCRIBE', { id: 's', destination: '/queue/a', ...headers });
    const request = bench.requests()[0];
    return request?.type === 'subscribe' ? request.attributes : errorOf(bench.written());
  };
  t.equal(subscribed({}), null);
  t.equal(subscribed({ 'activemq.exclusive': 'false', 'x-priority': '0' }), null);
  t.same(subscribed({ 'activemq.priority': '-127' }), { ...noConsumerAttributes, priority: -127 });
  t.same(subscribed({ 'x-priority': '10', 'activemq.priority': '3' }), { ...noConsumerAttributes, priority: 3 });
  t.same(subscribed({ 'x-priority': ' +10 ' }), { ...noConsumerAttributes, priority: 10 });
  t.same(subscribed({ 'activemq.exclusive': 'true' }), { ...noConsumerAttributes, exclusive: true });
  t.same(subscribed({ 'max-deliveries': '3' }), { ...noConsumerAttributes, maxDeliveries: 3 });
  t.same(subscribed({ 'max-deliveries': '0' }), { ...noConsumerAttributes, maxDeliveries: 2 ** 31 });
  t.equal(subscribed({ 'max-deliveries': '-1' }), 'SUBSCRIBE: bad max-deliveries: -1');
  t.equal(subscribed({ 'x-priority': 'high' }), 'SUBSCRIBE: bad x-priority: high');
  t.equal(subscribed({ 'activemq.priority': '9999999999' }), 'SUBSCRIBE: bad activemq.priority: 9999999999');
});

t.test('a SEND of a transaction keeps what it asks for', async (t) => {
  const bench = SessionBench.connected('1.2').client('BEGIN', { transaction: 't' });
  bench.client('SEND', { destination: '/queue/a', transaction: 't', priority: '6' }, 'b');
  bench.client('COMMIT', { transaction: 't' });
  t.match(bench.requests(), [{ type: 'commit', sends: [{ message: { attributes: { priority: 6 } } }] }]);
});
