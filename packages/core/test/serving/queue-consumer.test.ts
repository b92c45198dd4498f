import type { SessionId } from '@lockstep/kernel';
import t from 'tap';
import { outcomeCode } from '../../src/commands/format.ts';
import { QueueConsumer } from '../../src/serving/queue-consumer.ts';
import { ServingSession } from '../../src/serving/serving-session.ts';

const { ack, requeue } = outcomeCode;

function consumer(...written: number[]): QueueConsumer {
  const wish = { destination: '/queue/q', prefetchMessages: 10, prefetchBytes: 1000, attributes: null };
  const made = new QueueConsumer(1, new ServingSession('s' as SessionId, 1), 1, wish);
  for (const position of written) made.write(4, position);
  return made;
}

t.test('settles what the client holds, in any order, once, and nothing else', (t) => {
  const one = consumer(...Array.from({ length: 300 }, (_, i) => i + 1));
  let settled = 0;
  for (let i = 0; i < 300; i++) if (one.settle(((i * 7) % 300) + 1, ack)) settled++;
  t.equal(settled, 300);
  t.same(one.written, []);
  one.write(4, 5);
  for (const tag of [4, 0, -5, 5.5, NaN]) t.notOk(one.settle(tag, ack), `${tag}`);
  t.ok(one.settle(5, ack));
  t.notOk(one.settle(5, ack));
  t.end();
});

t.test('keeps the order of what was written', (t) => {
  const one = consumer(9, 4, 7, 2, 8);
  one.settle(7, ack);
  one.settle(9, ack);
  t.same(one.written, [4, 2, 8]);
  t.same(one.drain(), [4, 2, 8]);
  t.same(one.written, []);
  t.end();
});

t.test('a transaction takes all or nothing, and gives it back when it is refused', (t) => {
  const one = consumer(1, 2, 3);
  t.equal(one.takeAll([1, 9]), null);
  t.same(
    [...one.written].sort((a, b) => a - b),
    [1, 2, 3],
  );
  t.same(one.takeAll([1, 3]), []);
  t.same(one.written, [2]);
  one.putBack([1, 3], []);
  t.same(one.written, [2, 1, 3]);
  t.end();
});

t.test('what a lapse took comes late, also when it is gathered or under way', (t) => {
  const one = consumer(1, 2, 3);
  one.settle(1, ack);
  const underWay = one.takeGathered(ack, 'ack', 10)!;
  one.settle(2, requeue);
  one.lapse();
  t.same(underWay.late, [1]);
  t.same(one.written, []);
  t.ok(one.settle(3, ack), 'the client may settle what it still holds');
  t.same(one.takeGathered(requeue, 'requeue', 10)!.late, [2]);
  t.same(one.takeGathered(ack, 'ack', 10)!.late, [3]);
  t.end();
});

t.test('groups are no larger than wanted', (t) => {
  const one = consumer(1, 2, 3);
  for (const position of [1, 2, 3]) one.settle(position, ack);
  t.same(one.takeGathered(ack, 'ack', 2)!.positions, [1, 2]);
  t.same(one.takeGathered(ack, 'ack', 2)!.positions, [3]);
  t.equal(one.takeGathered(ack, 'ack', 2), null);
  t.equal(one.outstanding.length, 2);
  t.end();
});

t.test('a transaction that names what is not held leaves all in the order in which it was written', (t) => {
  const one = consumer(1, 2, 3, 4);
  one.settle(2, ack);
  t.equal(one.takeAll([1, 3, 1]), null);
  t.same(one.written, [1, 3, 4]);
  t.same(one.takeAll([3]), []);
  t.same(one.written, [1, 4]);
  t.end();
});
