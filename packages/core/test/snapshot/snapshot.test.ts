import t from 'tap';
import { Broker } from '../../src/index.ts';
import { Bench, deliveries, newMessage, send, session, settle, subscribe, tags } from '../support/test-bench.ts';

function chunksOf(bench: Bench): Uint8Array[] {
  return [...bench.broker.snapshot()];
}

function restored(bench: Bench, chunks: Iterable<Uint8Array>): Broker {
  const broker = new Broker(bench.options);
  const restore = broker.restore();
  for (const chunk of chunks) restore.write(chunk);
  restore.finish();
  return broker;
}

t.test('a snapshot brings everything: bodies, counts, dead letters, parts, policy', async (t) => {
  const bench = new Bench({ maxDeliveries: 2 });
  bench.do(
    subscribe('c', 1, '/queue/q', 2),
    send('p', '/queue/q', '1'),
    send('p', '/queue/q', '2'),
    send('p', '/queue/r', 'ü'),
  );
  const given = tags(bench.do(settle('c', 1, 'requeue', [2])));
  bench.do(settle('c', 1, 'requeue', given));
  bench.do(settle('c', 1, 'requeue', [3]));
  bench.ask({
    type: 'commit',
    session: session('p'),
    sends: [
      { destination: '/queue/t', message: newMessage('part') },
      { destination: '/queue/t', message: newMessage('part 2') },
    ],
    settlements: [],
  });
  bench.apply(1);
  const copy = restored(bench, chunksOf(bench));
  t.equal(copy.digest(), bench.broker.digest());
  t.equal(copy.applied, bench.broker.applied);
  bench.broker.resign();
  bench.broker = copy;
  bench.apply();
  copy.becomeMaster(bench.log);
  const effects = ['/queue/q', '/queue/r', '/queue/t', '/queue/ActiveMQ.DLQ'].flatMap((name, i) =>
    bench.do(subscribe('d', i, name)),
  );
  t.same(deliveries(effects), [
    'd/0 2 again #2',
    'd/1 ü again',
    'd/2 part again',
    'd/2 part 2 again',
    'd/3 1 again #3',
  ]);
  const dead = effects.find((effect) => effect.type === 'deliver' && effect.subscription === 3);
  t.match(dead, {
    message: {
      deadLetter: { reason: 'max-deliveries', originalDestination: '/queue/q' },
      destination: '/queue/ActiveMQ.DLQ',
      envelope: 7,
      timestampMs: 1000,
    },
  });
});

t.test('what is applied after the call does not show, however late the chunks are read', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'));
  const effects = bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body)));
  const digest = bench.broker.digest();
  const snapshot = bench.broker.snapshot();
  bench.do(
    settle('c', 1, 'requeue', tags(effects).slice(0, 1)),
    settle('c', 1, 'ack', tags(effects).slice(1)),
    send('p', '/queue/q', '4'),
  );
  t.not(bench.broker.digest(), digest);
  t.equal(restored(bench, snapshot).digest(), digest);
});

t.test('chunks are at most 1 MiB, and a body may be greater than that', async (t) => {
  const bench = new Bench();
  bench.do(
    send('p', '/queue/q', 'x'.repeat(3_500_000)),
    ...Array.from({ length: 3000 }, (_, i) => send('p', '/queue/r', `${i}`.repeat(100))),
  );
  const chunks = chunksOf(bench);
  t.ok(chunks.length > 4);
  t.ok(chunks.every((chunk) => chunk.length <= 1024 * 1024));
  t.equal(restored(bench, chunks).digest(), bench.broker.digest());
});

t.test('bytes that are no whole snapshot change nothing', async (t) => {
  const bench = new Bench();
  bench.do(send('p', '/queue/q', '1'));
  const digest = bench.broker.digest();
  const [chunk] = chunksOf(bench);
  const restore = bench.broker.restore();
  restore.write(chunk!.subarray(0, chunk!.length - 1));
  t.throws(() => restore.finish(), /not whole/);
  const other = chunk!.slice();
  other[2] = 9;
  t.throws(() => bench.broker.restore().write(other), /unknown version 9/);
  t.equal(bench.broker.digest(), digest);
  t.ok(bench.broker.master);
});

t.test('a digest tells states apart that differ in one byte of a body', async (t) => {
  const [one, other] = ['a', 'b'].map((body) => {
    const bench = new Bench();
    bench.do(send('p', '/queue/q', body));
    return bench.broker.digest();
  });
  t.not(one, other);
});
