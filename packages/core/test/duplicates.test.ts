import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';
import type { Test } from 'tap';
import { Broker } from '../src/index.ts';
import type { BrokerOptions } from '../src/index.ts';
import { Bench, deliveries, newMessage, noRecords, replies, send, session, subscribe } from './support/test-bench.ts';
import type { RequestWish } from './support/test-bench.ts';

const queue = '/queue/q';

function once(body: string, duplicateId: string, destination: string = queue): RequestWish {
  return send('p', destination, body, { duplicateId });
}

/** Bodies of what is in the queue. */
function left(bench: Bench, destination: string = queue): string[] {
  return deliveries(bench.do(subscribe(`of${destination}`, 1, destination))).map((line) =>
    line.slice(line.indexOf(' ') + 1),
  );
}

t.test('a message with the id of one before it gets its reply, and nothing else happens', async (t) => {
  const bench = new Bench();
  t.same(replies(bench.do(once('a', '1'), once('again', '1'), once('b', '2'))), ['p', 'p', 'p']);
  t.equal(bench.records.positions.size, 2, 'its record is not kept');
  bench.now += 1_000;
  t.same(replies(bench.do(once('later', '1'))), ['p']);
  t.same(left(bench), ['a', 'b']);
});

t.test('also when the first one has been consumed, and under another master', async (t) => {
  const bench = new Bench();
  const given = bench.do(subscribe('c', 1, queue), once('a', '1'));
  bench.do({
    type: 'settle',
    session: session('c'),
    settlement: {
      subscription: 1,
      outcome: 'ack',
      tags: given.flatMap((one) => (one.type === 'deliver' ? [one.tag] : [])),
    },
  });
  bench.changeMaster();
  bench.rest();
  t.same(deliveries(bench.do(once('again', '1'))), []);
});

t.test('what was lost with a master was no message: it is one when it is sent again', async (t) => {
  const bench = new Bench();
  bench.ask(once('a', '1'));
  const answers = bench.changeMaster();
  answers.push(...bench.rest(), ...bench.do(once('a', '1')));
  t.same(replies(answers), ['p', 'p']);
  t.same(left(bench), ['a']);
});

t.test('each queue has its own ids, and a message without one is none of them', async (t) => {
  const bench = new Bench();
  bench.do(
    once('a', '1'),
    once('b', '1', '/queue/other'),
    send('p', queue, 'c'),
    send('p', queue, 'd', { priority: 4 }),
  );
  t.same(left(bench), ['a', 'c', 'd']);
  t.same(left(bench, '/queue/other'), ['b']);
});

t.test('in a transaction the rest of it takes effect', async (t) => {
  const bench = new Bench();
  bench.do(once('a', '1'));
  const sends = [
    ['again', '1'],
    ['b', '2'],
    ['twice', '2'],
    ['c', ''],
  ].map(([body, duplicateId]) => ({ destination: queue, message: newMessage(body!, { duplicateId: duplicateId! }) }));
  t.same(replies(bench.do({ type: 'commit', session: session('p'), sends, settlements: [] })), ['p']);
  t.equal(bench.records.positions.size, 3);
  t.same(left(bench), ['a', 'b', 'c']);
});

t.test('the ids of a refused transaction are as good as new', async (t) => {
  const bench = new Bench({ messageBytesMax: 100 });
  const sends = ['a', 'x'.repeat(200)].map((body, i) => ({
    destination: queue,
    message: newMessage(body, { duplicateId: `${i}` }),
  }));
  t.same(replies(bench.do({ type: 'commit', session: session('p'), sends, settlements: [] })), ['p too-large']);
  bench.do(send('other', queue, 'a', { duplicateId: '0' }));
  t.same(left(bench), ['a']);
});

t.test('the last so many ids are remembered, for so long', async (t) => {
  const bench = new Bench({ duplicateIdsMax: 2, duplicateAgeMs: 100 });
  bench.do(once('a', '1'), once('b', '2'), once('c', '3'));
  bench.do(once('again', '3'), once('anew', '1'));
  bench.now += 100;
  bench.do(once('in time', '1'));
  bench.now += 1;
  bench.do(once('old', '1'));
  t.same(left(bench), ['a', 'b', 'c', 'anew', 'old']);
  const without = new Bench({ duplicateIdsMax: 0 });
  without.do(once('a', '1'), once('b', '1'));
  t.same(left(without), ['a', 'b']);
});

t.test('an id that was used anew is remembered from then on', async (t) => {
  const bench = new Bench({ duplicateIdsMax: 2, duplicateAgeMs: 100 });
  bench.do(once('a', '1'));
  bench.now += 200;
  bench.do(once('anew', '1'), once('b', '2'), once('again', '1'));
  t.same(left(bench), ['a', 'anew', 'b']);
});

t.test('the limits that count are in the log', async (t) => {
  const bench = new Bench({ duplicateIdsMax: 1 });
  bench.do(once('a', '1'), once('b', '2'), once('c', '1'));
  const replica = new Broker({ ...bench.options, duplicateIdsMax: 9 });
  for (const { position, bytes } of bench.log.commands) {
    replica.apply(position as JournalPosition, bytes, noRecords, []);
  }
  t.equal(replica.digest(), bench.broker.digest());
});

/** Sends so many ids, twice as many as are remembered, takes a snapshot and goes on with it. */
function restoredAfter(t: Test, options: Partial<BrokerOptions>, ids: number): Bench {
  const bench = new Bench(options);
  for (let i = 0; i < ids; i += 100) {
    bench.do(...Array.from({ length: 100 }, (_, j) => once(`${i + j}`, `id-${i + j}`)));
  }
  const snapshot = bench.broker.snapshot();
  const digest = bench.broker.digest();
  bench.do(once('behind the snapshot', 'other'));
  const copy = new Broker(bench.options);
  const restore = copy.restore(() => {});
  for (const chunk of snapshot) restore.write(chunk);
  restore.finish([]);
  t.equal(copy.digest(), digest, 'what came later does not show');
  for (const { position, bytes } of bench.log.commands) {
    if (position > copy.applied) copy.apply(position as JournalPosition, bytes, noRecords, []);
  }
  t.equal(copy.digest(), bench.broker.digest(), 'and both forget the same');
  bench.replaceBroker(copy);
  return bench;
}

t.test('a snapshot has the ids, in their order', async (t) => {
  const bench = restoredAfter(t, { duplicateIdsMax: 1500 }, 3000);
  const depth = (): number => bench.broker.queues()[0]!.depth;
  t.equal(depth(), 3001);
  bench.do(...[2999, 2000, 1501].map((i) => once('again', `id-${i}`)));
  t.equal(depth(), 3001);
  bench.do(once('long ago', 'id-1500'));
  t.equal(depth(), 3002);
});
