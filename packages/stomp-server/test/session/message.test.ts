import t from 'tap';
import { SessionBench } from './support.ts';
import type { StompVersion } from '../../src/codec/index.ts';
import type { DeliverySettings } from './support.ts';

function message(version: StompVersion, mode: string, settings: DeliverySettings): string {
  const destination = settings.destination ?? '/queue/a';
  const bench = SessionBench.connected(version).client('SUBSCRIBE', { id: 's', destination, ack: mode });
  return bench.deliver(settings).written()[0]!;
}

t.test("the broker's headers first, then the sender's in order", async () => {
  t.equal(
    message('1.2', 'client', { position: 7, headerBlock: 'b:1\na:x\\cy\n', redelivered: true, deliveryCount: 2 }),
    [
      'MESSAGE\nmessage-id:7\nsubscription:s\nack:7\ndestination:/queue/a\ncontent-length:5\nredelivered:true',
      'delivery-count:2\ntimestamp:1700000000000\npersistent:true\npriority:4\nb:1\na:x:y\n\nhello',
    ].join('\n'),
  );
});

t.test('a topic message that nobody stores', async () => {
  t.equal(
    message('1.2', 'auto', { volatileId: 'v3-9', tag: 4, destination: '/topic/t' }),
    'MESSAGE\nmessage-id:v3-9\nsubscription:s\ndestination:/topic/t\ncontent-length:5\ndelivery-count:1\ntimestamp:1700000000000\npriority:4\n\nhello',
  );
});

t.test('the priority that it was sent with', async () => {
  t.match(message('1.2', 'auto', { position: 3, attributes: { priority: 9 } }), /\npriority:9\n/);
  t.match(message('1.2', 'auto', { position: 3, attributes: { priority: 0 } }), /\npriority:0\n/);
  t.match(message('1.2', 'auto', { position: 3, attributes: { group: 'g' } }), /\npriority:4\n/);
});

t.test('a dead letter says why and where from', async () => {
  const deadLetter = { reason: 'rejected', originalDestination: '/queue/orders' };
  const frame = message('1.2', 'auto', { position: 3, deadLetter });
  t.match(frame, /\ndead-letter-reason:rejected\noriginal-destination:\/queue\/orders\n/);
});

t.test('content-length: always in 1.2, else when the SEND had it', async () => {
  const has = (version: StompVersion, envelope: number): boolean =>
    message(version, 'client', { position: 3, envelope }).includes('\ncontent-length:5\n');
  t.same([has('1.2', 2), has('1.1', 2), has('1.0', 2)], [true, false, false]);
  t.same([has('1.2', 6), has('1.1', 6), has('1.0', 6)], [true, true, true]);
});

t.test('only 1.2 has an ack header', async () => {
  t.match(message('1.2', 'client', { position: 3 }), /\nack:3\n/);
  t.notMatch(message('1.1', 'client', { position: 3 }), /\nack:/);
  t.notMatch(message('1.0', 'client', { position: 3 }), /\nack:/);
});

t.test("header blocks are re-escaped for the reader's version", async () => {
  const block = 'k:a\\cb\\\\c\\nd\\re\n';
  t.match(message('1.2', 'client', { position: 3, headerBlock: block }), 'k:a:b\\c\nd\re');
  t.match(message('1.1', 'client', { position: 3, headerBlock: block }), 'k:a:b\\c\nd e');
  t.match(message('1.0', 'client', { position: 3, headerBlock: block }), 'k:a:b\\c d e');
  t.match(message('1.2', 'client', { position: 3, envelope: 0, headerBlock: 'k:a:b\\c\n' }), 'k:a:b\\c');
});
