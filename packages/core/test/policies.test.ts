import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';
import { Broker, defaultBrokerOptions } from '../src/index.ts';
import type { DestinationPolicy } from '../src/index.ts';
import { Bench, deliveries, noRecords, send, session, settle, subscribe, tags } from './support/test-bench.ts';

const policies: Readonly<Record<string, DestinationPolicy>> = {
  '/queue/once': { maxDeliveries: 1, deadLetterQueue: '/queue/DLQ.once' },
  '/queue/dropping': { maxDeliveries: 2, deadLetterQueue: null },
  '/queue/patient': { maxDeliveries: Infinity, deadLetterQueue: '/queue/DLQ.patient' },
  '/queue/DLQ.once': { maxDeliveries: 1, deadLetterQueue: '/queue/DLQ.DLQ.once' },
};

function benchOf(): Bench {
  return new Bench({ policyOf: (destination) => policies[destination] ?? null });
}

/** The message is given back so often; what is delivered at last. */
function givenBack(bench: Bench, queue: string, times: number): string[] {
  let effects = bench.do(subscribe('c', 1, queue), send('p', queue, 'm'));
  for (let i = 0; i < times; i++) effects = bench.do(settle('c', 1, 'requeue', tags(effects)));
  return deliveries(effects);
}

function depths(bench: Bench): string[] {
  return bench.broker
    .queues()
    .filter(({ depth }) => depth > 0)
    .map(({ name, depth }) => `${name} ${depth}`);
}

t.test('each queue has its own limit, and its own dead letter queue', async (t) => {
  const bench = benchOf();
  t.same(givenBack(bench, '/queue/once', 1), []);
  t.same(depths(bench), ['/queue/DLQ.once 1']);
  const other = benchOf();
  t.same(givenBack(other, '/queue/other', 5), ['c/1 m again #6']);
  t.same(givenBack(new Bench(), '/queue/other', 6), []);
});

t.test('without a limit a message comes again however often it was given back', async (t) => {
  t.same(givenBack(benchOf(), '/queue/patient', 40), ['c/1 m again #41']);
});

t.test('without a dead letter queue what would go there is dropped, and its record let go of', async (t) => {
  const bench = benchOf();
  t.same(givenBack(bench, '/queue/dropping', 2), []);
  bench.do(settle('c', 1, 'dead-letter', tags(bench.do(send('p', '/queue/dropping', 'rejected')))));
  t.same(depths(bench), []);
  t.equal(bench.records.positions.size, 0);
});

t.test('a dead letter never moves again by itself, whatever the policy of the queue where it lies', async (t) => {
  const bench = benchOf();
  givenBack(bench, '/queue/once', 1);
  let effects = bench.do(subscribe('d', 1, '/queue/DLQ.once'));
  for (const outcome of ['requeue', 'dead-letter', 'requeue'] as const) {
    effects = bench.do(settle('d', 1, outcome, tags(effects)));
  }
  t.same(deliveries(effects), ['d/1 m again #5']);
  t.match(effects.at(-1), {
    message: { deadLetter: { reason: 'max-deliveries', originalDestination: '/queue/once' } },
  });
});

t.test('a consumer may have a limit of its own for what it gives back', async (t) => {
  const bench = benchOf();
  bench.do(subscribe('strict', 1, '/queue/q', 1, 1e6, { maxDeliveries: 2 }));
  let effects = bench.do(send('p', '/queue/q', 'm'));
  effects = bench.do(settle('strict', 1, 'requeue', tags(effects)));
  t.same(deliveries(effects), ['strict/1 m again #2']);
  t.same(deliveries(bench.do(settle('strict', 1, 'requeue', tags(effects)))), []);
  t.same(depths(bench), ['/queue/ActiveMQ.DLQ 1']);
  const lenient = benchOf();
  lenient.do(subscribe('c', 1, '/queue/once', 1, 1e6, { maxDeliveries: 3 }));
  const again = lenient.do(settle('c', 1, 'requeue', tags(lenient.do(send('p', '/queue/once', 'm')))));
  t.same(deliveries(again), ['c/1 m again #2']);
});

t.test('of one NACK of several messages each goes where it belongs, in a transaction too', async (t) => {
  for (const inTransaction of [false, true]) {
    const bench = benchOf();
    bench.do(subscribe('c', 1, '/queue/dropping', 2), send('p', '/queue/dropping', 'a'));
    let effects = bench.do();
    effects = bench.do(settle('c', 1, 'requeue', [...bench.records.positions]));
    const [first] = tags(effects);
    const [second] = tags(bench.do(send('p', '/queue/dropping', 'b')));
    const settlement = { subscription: 1, outcome: 'requeue' as const, tags: [first!, second!] };
    const again = inTransaction
      ? bench.do({ type: 'commit', session: session('c'), sends: [], settlements: [settlement] })
      : bench.do(settle('c', 1, 'requeue', settlement.tags));
    t.same(deliveries(again), ['c/1 b again #2'], 'the other one was given back for the second time');
    t.same(depths(bench), ['/queue/dropping 1']);
  }
});

t.test('who applies the log needs no policy', async (t) => {
  const bench = benchOf();
  for (const queue of ['/queue/once', '/queue/dropping']) givenBack(bench, queue, 2);
  const replica = new Broker(defaultBrokerOptions);
  for (const { position, bytes } of bench.log.commands) {
    replica.apply(position as JournalPosition, bytes, noRecords, []);
  }
  t.equal(replica.digest(), bench.broker.digest());
});
