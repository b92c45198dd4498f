import type { SessionId } from '@lockstep/kernel';
import t from 'tap';

import { HostBench } from './host-bench.ts';

t.test('a reply comes only when the command has been applied, and its session writes once a turn', async (t) => {
  const bench = await HostBench.start();
  const endpoint = bench.attach('s');
  bench.send('s', 1);
  bench.send('s', 2);
  await bench.turn();
  t.same(endpoint.effects, []);
  await bench.commit();
  t.same(
    endpoint.effects.map((effect) => effect.type === 'reply' && effect.token),
    [1, 2],
  );
  t.equal(endpoint.flushes, 1);
});

t.test('too much under way: readers wait, and are called when there is room', async (t) => {
  const bench = await HostBench.start(1000);
  const endpoint = bench.attach('s');
  t.ok(bench.host.accepting);
  bench.send('s', 1, 2000);
  t.notOk(bench.host.accepting);
  bench.host.callWhenAccepting(endpoint);
  await bench.turn();
  t.equal(endpoint.resumes, 0);
  await bench.commit();
  t.equal(endpoint.resumes, 1);
  t.ok(bench.host.accepting);
});

t.test('less may be under way while room on the disk is short, and as much as ever after it', async (t) => {
  const bench = await HostBench.start(1000);
  const endpoint = bench.attach('s');
  bench.host.limitWindow(100);
  await bench.turn();
  bench.send('s', 1, 200);
  t.notOk(bench.host.accepting);
  bench.host.callWhenAccepting(endpoint);
  await bench.turn();
  t.equal(endpoint.resumes, 0);
  bench.host.limitWindow(1000);
  await bench.turn();
  t.equal(endpoint.resumes, 1, 'at once');
});

t.test('without a majority nothing is handed out and nobody is read; with one again, both go on', async (t) => {
  const bench = await HostBench.start();
  const endpoint = bench.attach('s');
  const subscribe = {
    token: 1,
    subscription: 1,
    destination: '/queue/q',
    prefetchMessages: 10,
    prefetchBytes: 1000,
    attributes: null,
  };
  bench.host.submit({ type: 'subscribe', session: 's' as SessionId, ...subscribe });
  await bench.settle();
  bench.send('s', 2);
  await bench.turn();
  bench.leading = false;
  bench.host.callWhenAccepting(endpoint);
  await bench.commit();
  t.notOk(bench.host.accepting);
  t.equal(bench.host.heldUpBy, 'no majority of the members has been heard');
  t.notOk(endpoint.effects.some(({ type }) => type === 'deliver'));
  bench.leading = true;
  await bench.soon();
  t.ok(endpoint.effects.some(({ type }) => type === 'deliver'));
  t.equal(endpoint.resumes, 1);
});

t.test('committed without the own disk: still under way, until that has caught up', async (t) => {
  const bench = await HostBench.start(1000);
  const endpoint = bench.attach('s');
  bench.persistedIndex = 0;
  bench.send('s', 1, 2000);
  await bench.commit();
  t.ok(
    endpoint.effects.some(({ type }) => type === 'reply'),
    'the receipt does not wait for it',
  );
  t.notOk(bench.host.accepting);
  bench.host.callWhenAccepting(endpoint);
  await bench.soon();
  t.equal(endpoint.resumes, 0);
  bench.persistedIndex = Infinity;
  await bench.soon();
  t.equal(endpoint.resumes, 1);
});

t.test('settlements that could not be proposed are proposed a little later', async (t) => {
  const bench = await HostBench.start(1000);
  const endpoint = bench.attach('s');
  const subscribe = {
    token: 1,
    subscription: 1,
    destination: '/queue/q',
    prefetchMessages: 10,
    prefetchBytes: 1000,
    attributes: null,
  };
  bench.host.submit({ type: 'subscribe', session: 's' as SessionId, ...subscribe });
  bench.send('s', 2);
  await bench.settle();
  const [delivery] = endpoint.effects.filter((effect) => effect.type === 'deliver');
  bench.leading = false;
  bench.refusing = true;
  const settlement = { subscription: 1, outcome: 'ack' as const, tags: [delivery!.tag] };
  bench.host.submit({ type: 'settle', session: 's' as SessionId, token: 3, settlement });
  await bench.soon();
  t.equal(bench.proposed.length, 0);
  bench.refusing = false;
  await bench.soon();
  t.equal(bench.proposed.length, 1);
});

t.test('held: nobody is read, what is under way is answered', async (t) => {
  const bench = await HostBench.start();
  const endpoint = bench.attach('s');
  bench.send('s', 1);
  bench.host.hold(true);
  await bench.turn();
  t.notOk(bench.host.accepting);
  await bench.commit();
  t.equal(endpoint.effects.length, 1);
});

t.test('mastership lost: sessions stay, are not read, and hear of what was under way when it is applied', async (t) => {
  const bench = await HostBench.start();
  const endpoint = bench.attach('s');
  bench.send('s', 1);
  await bench.turn();
  await bench.follow();
  t.notOk(bench.host.accepting);
  t.match(bench.host.heldUpBy, /master/);
  bench.send('s', 2);
  await bench.commit();
  t.same(endpoint.seen, ['r1']);
  t.equal(bench.proposed.length, 0);
  await bench.lead();
  t.same(endpoint.seen, ['r1', 'r2'], 'what could not be said then is said to the next master');
  t.equal(endpoint.abandoned, 0);
});

t.test(
  'without a master for too long, clients are let go, and what they held goes back with the next one',
  async (t) => {
    const bench = await HostBench.start();
    const endpoint = bench.attach('s');
    bench.send('s', 1);
    bench.subscribe('s', 2);
    await bench.settle();
    t.same(endpoint.seen, ['r1', 'r2', 'd2']);
    await bench.follow();
    await bench.pass(29_000);
    t.equal(endpoint.abandoned, 0);
    await bench.pass(2_000);
    t.equal(endpoint.abandoned, 1);
    t.same(bench.warnings, ['no master for 30000 ms: closed the client connections']);
    await bench.lead();
    const next = bench.attach('n');
    bench.subscribe('n', 1);
    await bench.settle();
    t.same(next.seen, ['r1', 'd2']);
    t.match(next.effects.at(-1), { redelivered: true, deliveryCount: 1 });
  },
);

t.test('where nothing is applied for too long, clients are let go, and let in again when something is', async (t) => {
  const bench = await HostBench.start();
  const endpoint = bench.attach('s');
  await bench.pass(100_000);
  t.ok(bench.host.accepting, 'nobody waits for anything');
  bench.send('s', 1);
  await bench.pass(20_000);
  await bench.commit();
  bench.send('s', 2);
  await bench.pass(29_000);
  t.equal(endpoint.abandoned, 0, 'it has got further meanwhile');
  t.notOk(bench.host.standsStill);
  await bench.pass(31_000);
  t.equal(endpoint.abandoned, 1);
  t.same(bench.warnings, [
    'this node is behind the master, and has applied nothing for 30000 ms: closed the client connections',
  ]);
  t.notOk(bench.host.accepting);
  t.equal(bench.host.heldUpBy, 'this node is behind the master, and gets no further');
  const next = bench.attach('n');
  bench.host.callWhenAccepting(next);
  await bench.pass(100_000);
  t.equal(next.resumes, 0);
  await bench.commit();
  t.equal(next.resumes, 1);
  t.ok(bench.host.accepting);
});

t.test('a stop waits for answers, and for what clients held to go back, as long as it may', async (t) => {
  const bench = await HostBench.start();
  const endpoint = bench.attach('s');
  bench.send('s', 1);
  bench.subscribe('s', 2);
  await bench.settle();
  bench.send('s', 3);
  bench.host.stopReading();
  t.notOk(bench.host.accepting);
  const story: string[] = [];
  void bench.host.answered(5000).then(() => story.push('answered'));
  await bench.pass(1000);
  t.same(story, []);
  await bench.commit();
  t.same(story, ['answered']);
  t.same(endpoint.seen, ['r1', 'r2', 'd2', 'r3', 'd3']);
  void bench.host.closeSessions(1000).then(() => story.push('closed'));
  await bench.turn();
  t.equal(endpoint.abandoned, 1);
  t.same(story, ['answered']);
  await bench.commit();
  t.same(story, ['answered', 'closed']);
  t.match(bench.broker.queues(), [{ depth: 2, consumers: 0 }]);
  bench.attach('late');
  bench.send('late', 1);
  void bench.host.answered(1000).then(() => story.push('given up'));
  await bench.pass(900);
  t.equal(story.length, 2);
  await bench.pass(200);
  t.same(story, ['answered', 'closed', 'given up']);
});

t.test('a session that the broker closes gets the reason, and no more effects', async (t) => {
  const bench = await HostBench.start(1e9);
  const endpoint = bench.attach('s');
  const subscribe = {
    token: 1,
    subscription: 1,
    destination: '/topic/t',
    prefetchMessages: 1,
    prefetchBytes: 1,
    attributes: null,
  };
  bench.host.submit({ type: 'subscribe', session: 's' as SessionId, ...subscribe });
  bench.attach('p');
  await bench.turn();
  for (let token = 1; token <= 20; token++) bench.send('p', token, 1024 * 1024, '/topic/t');
  await bench.turn();
  t.equal(endpoint.effects.at(-1)?.type, 'closeSession');
  const count = endpoint.effects.length;
  bench.send('p', 99, 10, '/topic/t');
  await bench.turn();
  t.equal(endpoint.effects.length, count);
});

t.test('how long clients have been waiting for a master, and when they are let go', async (t) => {
  const bench = await HostBench.start();
  bench.attach('s');
  t.equal(bench.host.masterless, null);
  await bench.follow();
  const { forMs: before } = bench.host.masterless!;
  await bench.pass(12_000);
  t.same(bench.host.masterless, { forMs: before + 12_000, closedInMs: 18_000 - before });
  await bench.pass(18_000);
  t.same(bench.host.masterless, { forMs: before + 30_000, closedInMs: null }, 'they have been');
  await bench.lead();
  t.equal(bench.host.masterless, null);
  await bench.follow();
  t.ok(bench.host.masterless!.forMs < 100, 'another wait begins');
});

t.test('who a session is, for people', async (t) => {
  const bench = await HostBench.start();
  bench.attach('s').unsentBytes = 7;
  t.same(bench.host.client('s' as SessionId), { address: '127.0.0.1:5000', unsentBytes: 7 });
  t.equal(bench.host.client('gone' as SessionId), null);
});
