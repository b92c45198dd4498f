import { noAttributes, parseSelector, Selector } from '@lockstep/core';
import t from 'tap';
import { MessageProperties } from '../../src/session/message-properties.ts';
import type { Message } from '@lockstep/core';
import type { JournalPosition } from '@lockstep/kernel';

function message(lines: string, more: Partial<Message> = {}): Message {
  return {
    position: 4711 as JournalPosition,
    volatileId: null,
    destination: '/queue/orders',
    timestampMs: 1_790_000_000_000,
    envelope: 2,
    headerBlock: Buffer.from(lines),
    body: Buffer.from('four'),
    attributes: null,
    deadLetter: null,
    ...more,
  };
}

interface Told {
  readonly redelivered?: boolean;
  readonly deliveryCount?: number;
}

function read(names: readonly string[], of: Message, { redelivered = false, deliveryCount = 1 }: Told = {}): unknown[] {
  const properties = new MessageProperties(names);
  properties.use(of, redelivered, deliveryCount);
  return names.map((name) => properties.property(name));
}

t.test("the sender's headers are strings, under their own names and under JMS's", (t) => {
  const block =
    'region:eu\ncontent-type:text/plain\ncorrelation-id:7\ntype:order\nreply-to:/queue/answers\nempty:\nregion:us\n';
  const names = ['region', 'content-type', 'JMSCorrelationID', 'correlation-id', 'JMSType', 'type', 'empty', 'absent'];
  t.same(read(names, message(block)), ['eu', 'text/plain', '7', '7', 'order', 'order', '', null]);
  t.same(read(['reply-to', 'JMSReplyTo'], message(block)), ['/queue/answers', 'queue://answers']);
  t.same(read(['JMSCorrelationID', 'JMSType', 'JMSReplyTo'], message('a:1\n')), [null, null, null]);
  t.end();
});

t.test('they are unescaped by the version that they came in', (t) => {
  const block = 'a\\cb:x\\\\y\\nz\n';
  t.same(read(['a:b', 'a\\cb'], message(block, { envelope: 2 })), ['x\\y\nz', null]);
  t.same(read(['a:b', 'a\\cb'], message(block, { envelope: 1 | 4 })), ['x\\y\nz', null]);
  t.same(read(['a:b', 'a\\cb'], message(block, { envelope: 0 })), [null, 'x\\\\y\\nz']);
  t.same(read(['a:b', 'a\\cb'], message(block, { envelope: 0 | 4 })), [null, 'x\\\\y\\nz']);
  t.same(read(['a'], message('a: padded \n', { envelope: 0 })), ['padded'], 'as 1.0 pads values');
  t.same(read(['a'], message('a: padded \n', { envelope: 2 })), [' padded '], '1.2 forbids to trim');
  t.end();
});

t.test("what MESSAGE says in the broker's own words is typed", (t) => {
  const names = [
    'message-id',
    'destination',
    'timestamp',
    'priority',
    'persistent',
    'expires',
    'redelivered',
    'delivery-count',
  ];
  const plain = message('priority:9\nmessage-id:forged\nredelivered:true\nexpires:5\nJMSXGroupID:x\n');
  t.same(read(names, plain), ['4711', '/queue/orders', 1_790_000_000_000, 4, true, null, false, 1]);
  const jms = ['JMSMessageID', 'JMSDestination', 'JMSTimestamp', 'JMSPriority', 'JMSDeliveryMode', 'JMSExpiration'];
  t.same(read(jms, plain), ['4711', 'queue://orders', 1_790_000_000_000, 4, 'PERSISTENT', 0]);
  const counts = ['JMSRedelivered', 'JMSXDeliveryCount', 'JMSXGroupID', 'JMSXGroupSeq', 'content-length'];
  t.same(read(counts, plain), [false, 1, null, 0, 4]);
  t.same(read(counts, plain, { redelivered: true, deliveryCount: 3 }), [true, 3, null, 0, 4]);
  t.same(read(['redelivered', 'delivery-count'], plain, { redelivered: true, deliveryCount: 3 }), [true, 3]);
  t.end();
});

t.test('so is what the sender asked for', (t) => {
  const attributes = {
    ...noAttributes,
    priority: 7,
    expiresAtMs: 99,
    group: 'g',
    groupSequence: 3,
    persistence: 'no',
  } as const;
  const names = [
    'priority',
    'JMSPriority',
    'expires',
    'JMSExpiration',
    'JMSXGroupID',
    'JMSXGroupSeq',
    'persistent',
    'JMSDeliveryMode',
  ];
  t.same(read(names, message('', { attributes })), [7, 7, 99, 99, 'g', 3, false, 'NON_PERSISTENT']);
  const unsaid = message('', { attributes: { ...noAttributes, persistence: 'yes' } });
  t.same(read(names, unsaid), [4, 4, null, 0, null, 0, true, 'PERSISTENT']);
  t.end();
});

t.test('a message that nobody stores has its own id, a dead letter its origin', (t) => {
  const volatile = message('', { position: 0, volatileId: 'v3-8', destination: '/topic/news' });
  t.same(read(['JMSMessageID', 'message-id', 'JMSDestination'], volatile), ['v3-8', 'v3-8', 'topic://news']);
  const deadLetter = { reason: 'expired', originalDestination: '/queue/orders' };
  const dead = message('', { destination: '/queue/ActiveMQ.DLQ', deadLetter });
  const names = ['dead-letter-reason', 'original-destination', 'destination', 'JMSDestination'];
  t.same(read(names, dead), ['expired', '/queue/orders', '/queue/ActiveMQ.DLQ', 'queue://orders']);
  t.same(read(names.slice(0, 2), message('dead-letter-reason:forged\n')), [null, null]);
  t.end();
});

t.test("ActiveMQ's names of destinations", (t) => {
  const rows = {
    '/queue/a.b': 'queue://a.b',
    '/topic/a': 'topic://a',
    '/temp-queue/a': 'temp-queue://a',
    '/remote-temp-queue/a': 'temp-queue://a',
    '/remote-temp-topic/a': 'temp-topic://a',
    '/queue/topic/x': 'queue://topic/x',
    'mailto:someone': 'mailto:someone',
    '/dsub/x': '/dsub/x',
  };
  for (const [written, expected] of Object.entries(rows)) {
    t.same(read(['JMSReplyTo'], message(`reply-to:${written}\n`)), [expected], written);
  }
  t.end();
});

t.test('one reader tells of one delivery after another, and of none in between', (t) => {
  const names = ['region', 'redelivered'];
  const properties = new MessageProperties(names);
  const all = (): unknown[] => names.map((name) => properties.property(name));
  t.same(all(), [null, null]);
  properties.use(message('region:eu\n'), true, 2);
  t.same(all(), ['eu', true]);
  t.same(all(), ['eu', true], 'asked again');
  properties.use(message('region:us\n'), false, 1);
  t.same(all(), ['us', false]);
  properties.use(message('other:us\n'), false, 1);
  t.same(all(), [null, false]);
  properties.clear();
  t.same(all(), [null, null]);
  t.equal(properties.property('other'), null, 'a name that was not announced');
  t.end();
});

t.test('with a selector', (t) => {
  const selector = parseSelector(
    "region = 'eu' AND price * 2 > 20 AND \"content-type\" LIKE 'text/%' AND JMSPriority = 4",
  );
  if (!(selector instanceof Selector)) throw new Error(selector.message);
  const properties = new MessageProperties(selector.names);
  const selects = (lines: string): boolean => {
    properties.use(message(lines), false, 1);
    return selector.matches(properties);
  };
  t.equal(selects('price:10.5\nregion:eu\ncontent-type:text/plain\n'), true);
  t.equal(selects('price:10\nregion:eu\ncontent-type:text/plain\n'), false);
  t.equal(selects('price:10.5\ncontent-type:text/plain\n'), false);
  t.end();
});
