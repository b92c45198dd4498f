import type { SessionId } from '@lockstep/kernel';
import t from 'tap';

import type { StoredDeliveriesOptions } from '../../src/node/stored-deliveries.ts';
import { HostBench } from './host-bench.ts';

const kib = 1024;

/** A queue with messages 2 … `count` + 1, of which none is in memory. */
async function backlog(count: number, bytes = 10, limits: Partial<StoredDeliveriesOptions> = {}): Promise<HostBench> {
  const bench = await HostBench.start(1e9, limits);
  for (let token = 1; token <= count; token++) bench.send('p', token, bytes);
  await bench.commit();
  bench.inMemory = () => false;
  return bench;
}

t.test('what is in memory is given at once, and what is not is read in one go, in order', async (t) => {
  const bench = await backlog(5);
  bench.inMemory = (position) => position <= 3;
  const endpoint = bench.attach('c');
  bench.subscribe('c', 1);
  await bench.settle();
  t.same(endpoint.seen, ['r1', 'd2', 'd3']);
  t.same(
    bench.reads.map(({ messages }) => messages),
    [[4, 5, 6]],
  );
  await bench.answer();
  t.same(endpoint.seen, ['r1', 'd2', 'd3', 'd4', 'd5', 'd6']);
  const [first] = endpoint.effects.slice(1);
  t.match(first, { redelivered: false, deliveryCount: 1, message: { destination: '/queue/q' } });
});

t.test(
  'nothing of a session overtakes a message that is being read, and other sessions do not wait for it',
  async (t) => {
    const bench = await backlog(2);
    bench.inMemory = (position) => position !== 2;
    const slow = bench.attach('c');
    bench.subscribe('c', 1, 1);
    await bench.settle();
    bench.subscribe('c', 2, 1000, '/queue/r', 2);
    bench.send('c', 3, 10, '/queue/r');
    const other = bench.attach('o');
    bench.subscribe('o', 1);
    await bench.settle();
    t.same(slow.seen, ['r1']);
    t.same(other.seen, ['r1', 'd3']);
    await bench.answer();
    t.same(slow.seen, ['r1', 'd2', 'r2', 'r3', 'd4']);
  },
);

t.test('reads that come back in another order change nothing in the order of a session', async (t) => {
  const bench = await backlog(4, 400 * kib);
  const endpoint = bench.attach('c');
  bench.subscribe('c', 1);
  await bench.settle();
  t.same(
    bench.reads.map(({ messages }) => messages),
    [
      [2, 3],
      [4, 5],
    ],
    'no read is so large that its first message waits long for the last',
  );
  bench.reads.pop()!.answer();
  await bench.turn();
  t.same(endpoint.seen, ['r1']);
  await bench.answer();
  t.same(endpoint.seen, ['r1', 'd2', 'd3', 'd4', 'd5']);
});

t.test('a record that is lost is set aside, which is said once, and gives its room back', async (t) => {
  const bench = await backlog(5);
  const endpoint = bench.attach('c');
  bench.subscribe('c', 1, 2);
  await bench.settle();
  t.same(bench.reads[0]?.messages, [2, 3]);
  await bench.answer({ 2: 'lost' });
  t.same(endpoint.seen, ['r1', 'd3']);
  t.equal(bench.errors.length, 1);
  t.match(bench.errors[0]?.message, /message \d+ in \/queue\/q can't be read: .* damaged here, and on every member/);
  t.same(bench.reads[0]?.messages, [4], 'there is room for one more');
  await bench.answer();
  bench.ack('c', 2, [3, 4]);
  await bench.turn();
  await bench.commit();
  await bench.answer();
  t.same(endpoint.seen, ['r1', 'd3', 'd4', 'd5', 'd6', 'r2']);
  bench.host.submit({ type: 'endSession', session: 'c' as SessionId, how: 'clean' });
  const next = bench.attach('n');
  bench.subscribe('n', 1);
  await bench.settle();
  await bench.answer();
  t.same(next.seen, ['r1', 'd5', 'd6'], 'nobody is given it');
  await bench.follow();
  await bench.lead();
  await bench.answer();
  t.same(next.seen, ['r1', 'd5', 'd6', 'd2'], 'under the next master it is tried again');
  t.equal(bench.errors.length, 1);
});

t.test('a session that ends, or that the broker closes, while its messages are read gets nothing more', async (t) => {
  const bench = await backlog(2);
  const gone = bench.attach('c');
  bench.subscribe('c', 1);
  await bench.settle();
  bench.host.submit({ type: 'endSession', session: 'c' as SessionId, how: 'clean' });
  const next = bench.attach('n');
  bench.subscribe('n', 1);
  await bench.settle();
  await bench.answer();
  t.same(gone.seen, ['r1']);
  await bench.answer();
  t.same(next.seen, ['r1', 'd2', 'd3'], 'they went to another');
});

t.test('a slow subscriber of a topic is closed at once, whatever is being read for it', async (t) => {
  const bench = await backlog(1, 10);
  const endpoint = bench.attach('c');
  bench.subscribe('c', 1);
  bench.host.submit({
    ...{ type: 'subscribe', session: 'c' as SessionId, token: 2, subscription: 2 },
    ...{ destination: '/topic/t', prefetchMessages: 1, prefetchBytes: 1, attributes: null },
  });
  await bench.settle();
  for (let token = 1; token <= 20; token++) bench.send('p', token, kib * kib, '/topic/t');
  await bench.turn();
  t.same(endpoint.seen, ['r1', 'r2', 'closeSession']);
  await bench.answer();
  t.same(endpoint.seen, ['r1', 'r2', 'closeSession']);
});

t.test('what is being read when the master is lost is not given; the next master hands it out anew', async (t) => {
  const bench = await backlog(2);
  const endpoint = bench.attach('c');
  bench.subscribe('c', 1);
  await bench.settle();
  await bench.follow();
  await bench.answer();
  t.same(endpoint.seen, ['r1']);
  await bench.lead();
  await bench.answer();
  t.same(endpoint.seen, ['r1', 'd2', 'd3']);
});

t.test(
  'what was handed out before the majority fell silent is given: it is this node’s, until its lease is over',
  async (t) => {
    const bench = await backlog(2);
    const endpoint = bench.attach('c');
    bench.subscribe('c', 1);
    await bench.settle();
    bench.leading = false;
    await bench.answer();
    t.same(endpoint.seen, ['r1', 'd2', 'd3']);
  },
);

t.test('what is read and not taken is bounded over all sessions; each has a share of its own', async (t) => {
  const limits = { heldBytesMax: 100 * kib, askedBytesMax: 1e9, sessionShareBytes: 20 * kib };
  const bench = await backlog(60, 10 * kib, limits);
  bench.inMemory = () => true;
  const stalled = bench.attach('a');
  stalled.stalled = true;
  bench.subscribe('a', 1, 40);
  await bench.settle();
  t.equal(stalled.seen.length - 1, 10, 'all the room there is');
  const other = bench.attach('b');
  other.stalled = true;
  bench.subscribe('b', 1, 20);
  await bench.settle();
  t.equal(other.seen.length - 1, 2, 'its share');
  // The client takes all that it was sent.
  stalled.stalled = false;
  stalled.unsentBytes = 0;
  bench.host.taken('a' as SessionId);
  await bench.turn();
  t.equal(stalled.seen.length - 1, 40);
  t.same(
    stalled.seen.slice(1),
    Array.from({ length: 40 }, (_, i) => `d${i + 2}`),
  );
  t.equal(other.seen.length - 1, 10, 'and what it left goes to the other');
  other.stalled = false;
  other.unsentBytes = 0;
  bench.host.taken('b' as SessionId);
  await bench.turn();
  t.equal(other.seen.length - 1, 20);
});

t.test('so is what is being read', async (t) => {
  const limits = { heldBytesMax: 1e9, askedBytesMax: 50 * kib, sessionShareBytes: 1 };
  const bench = await backlog(20, 10 * kib, limits);
  const endpoint = bench.attach('a');
  bench.subscribe('a', 1);
  await bench.settle();
  let read = 0;
  while (bench.reads.length > 0) {
    const asked = bench.reads.reduce((sum, { messages }) => sum + messages.length, 0);
    t.ok(asked <= 6, `${asked} at a time`);
    read += bench.reads[0]!.messages.length;
    await bench.answer();
  }
  t.equal(read, 20);
  t.equal(endpoint.seen.length, 21);
});

t.test('a session that makes requests as it is given messages, and ends in the midst of them', async (t) => {
  const bench = await backlog(5);
  const endpoint = bench.attach('c');
  endpoint.onEffect = (effect) => {
    if (effect.type !== 'deliver') return;
    const message = bench.numberOf(effect.tag);
    bench.ack('c', 10 + message, [message]);
    if (message === 4) bench.host.submit({ type: 'endSession', session: 'c' as SessionId, how: 'clean' });
  };
  bench.subscribe('c', 1, 4);
  await bench.settle();
  await bench.answer();
  t.same(endpoint.seen, ['r1', 'd2', 'd3', 'd4']);
  await bench.settle();
  t.match(bench.broker.queues(), [{ depth: 2 }]);
});

t.test('a session that ends while it is given messages leaves its room to others', async (t) => {
  const limits = { heldBytesMax: 50 * kib, askedBytesMax: 1e9, sessionShareBytes: 1 };
  const bench = await backlog(20, 10 * kib, limits);
  bench.inMemory = () => true;
  for (const name of ['a', 'b', 'c']) {
    const endpoint = bench.attach(name);
    endpoint.stalled = true;
    endpoint.onEffect = () => {
      if (endpoint.seen.length < 6) return;
      bench.host.submit({ type: 'endSession', session: name as SessionId, how: 'clean' });
    };
    bench.subscribe(name, 1);
    await bench.settle();
    t.equal(endpoint.seen.length, 6, name);
  }
});
