import t from 'tap';
import { Broker, defaultBrokerOptions } from '../src/index.ts';
import { MasterBench, wish } from './support/master-bench.ts';
import { Bench, noRecords, send, settle, subscribe, tags, unsubscribe } from './support/test-bench.ts';

const queue = '/queue/q';

t.test('a queue that nobody has heard of, and one without consumers', async (t) => {
  const bench = new Bench();
  bench.now = 5_000;
  t.same(bench.broker.queueFacts(queue), {
    name: queue,
    depth: 0,
    bytes: 0,
    known: false,
    dispatch: { sinceMs: 1000, ready: 0, settling: 0, setAside: 0, awaited: [], consumers: [] },
  });
  bench.do(send('p', queue, '1'), send('p', queue, '2'));
  const facts = bench.broker.queueFacts(queue);
  t.match(facts, { depth: 2, known: true, dispatch: { ready: 2, consumers: { length: 0 } } });
});

t.test('who holds how much of how much, and since when', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, queue, 1), subscribe('d', 1, queue, 2));
  bench.do(...['1', '2', '3', '4', '5'].map((body) => send('p', queue, body)));
  const { dispatch } = bench.broker.queueFacts(queue);
  t.match(dispatch, { ready: 2, settling: 0 });
  const [c, d] = dispatch!.consumers;
  const size = 'h:1\n'.length + 1;
  t.same(c, {
    ...{ node: bench.options.node, consumer: 1, state: 'served', exclusive: false },
    ...{ messages: 1, bytes: size, messagesMax: 1, bytesMax: 1 << 24, isFull: true, longestSinceMs: 1000 },
  });
  t.match(d, { consumer: 2, messages: 2, messagesMax: 2, isFull: true, longestSinceMs: 1000 });
});

t.test('the one that is held for longest counts, and what is settled does not', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, queue, 2));
  const [first] = tags(bench.do(send('p', queue, '1')));
  bench.now = 9_000;
  const [second] = tags(bench.do(send('p', queue, '2')));
  const longest = (): number | null => bench.broker.queueFacts(queue).dispatch!.consumers[0]!.longestSinceMs;
  t.equal(longest(), 1000);
  bench.ask(settle('c', 1, 'ack', [first!]));
  t.match(bench.broker.queueFacts(queue).dispatch, { ready: 0, settling: 1, consumers: [{ messages: 1 }] });
  t.equal(longest(), 9_000);
  bench.do(settle('c', 1, 'ack', [second!]));
  t.equal(longest(), null);
});

t.test('a message: ready, held, being settled, gone', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, queue, 1));
  const [held] = tags(bench.do(send('p', queue, '1'), send('p', queue, '2')));
  const next = held! + 1;
  t.match(bench.broker.messageFacts(next), {
    ...{ position: next, destination: queue, size: 5, count: 0, deadLetter: null },
    holder: { state: 'ready', consumer: null, sinceMs: null },
  });
  const holder = { state: 'held', consumer: { consumer: 1, node: bench.options.node }, sinceMs: 1000 };
  t.match(bench.broker.messageFacts(held!), { position: held, holder });
  bench.ask(settle('c', 1, 'ack', [held!]));
  t.match(bench.broker.messageFacts(held!), { holder: { state: 'settling', consumer: { consumer: 1 } } });
  bench.rest();
  t.equal(bench.broker.messageFacts(held!), null);
  t.equal(bench.broker.messageFacts(1e15), null);
});

t.test('a dead letter says why it is one, and where it was', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, queue, 1));
  const [tag] = tags(bench.do(send('p', queue, '1')));
  bench.do(settle('c', 1, 'dead-letter', [tag!]));
  t.match(bench.broker.messageFacts(tag!), {
    destination: bench.options.deadLetterQueue,
    count: 1,
    deadLetter: { reason: 'rejected', originalDestination: queue },
  });
});

t.test('what could not be read is set aside until there is a new master', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.subscribe(1, queue);
  a.send(queue, '1');
  bench.rest();
  const position = bench.state.queues.get(queue)!.list.position;
  a.say({ type: 'undeliverable', consumer: 1, position, size: 1 });
  t.match(bench.mastership.facts(queue, 1), { ready: 0, settling: 0, setAside: 1, consumers: [{ messages: 0 }] });
  const { list } = bench.state.queues.get(queue)!;
  t.ok(list.find(position));
  t.match(bench.mastership.dispatcher.holder(list), { state: 'set-aside', consumer: null });
  bench.changeMaster();
  t.match(bench.mastership.facts(queue, 1), { ready: 1, setAside: 0 });
});

t.test('a settlement that carries a set-aside message off leaves none', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.subscribe(1, queue);
  a.send(queue, '1', '2');
  bench.rest();
  const { list } = bench.state.queues.get(queue)!;
  t.ok(list.findFrom(0));
  const { position } = list;
  a.settle(1, queue, 'ack', [position + 1]);
  a.say({ type: 'undeliverable', consumer: 1, position, size: list.size });
  bench.rest();
  t.match(bench.mastership.facts(queue, 1), { ready: 0, setAside: 1, settling: 0 });
  t.ok(list.find(position));
  bench.state.dropFound(bench.state.queues.get(queue)!);
  t.match(bench.mastership.facts(queue, 0), { ready: 0, setAside: 0, settling: 0 });
});

t.test('consumers whose node is away, or whose mark is not in the log, and nodes that a queue waits for', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  const b = bench.node('b');
  a.subscribe(1, queue);
  t.match(bench.mastership.facts(queue, 0).consumers, [{ node: 'a', state: 'joining' }]);
  bench.rest();
  t.match(bench.mastership.facts(queue, 0).consumers, [{ node: 'a', state: 'served' }]);
  b.subscribe(1, queue);
  bench.rest();
  bench.mastership.nodeDetached('b');
  t.match(bench.mastership.facts(queue, 0).consumers, [
    { node: 'a', state: 'served' },
    { node: 'b', state: 'away' },
  ]);
  bench.changeMaster();
  t.same(bench.mastership.facts(queue, 0).awaited.toSorted(), ['a', 'b']);
  t.same(bench.mastership.facts('/queue/other', 0).awaited, []);
  a.attach([{ ...wish(1, queue), prefetchMessages: 0 }], 1);
  t.match(bench.mastership.facts(queue, 0), { awaited: ['b'], consumers: [{ node: 'a', state: 'leaving' }] });
});

t.test('one consumer has the queue alone, and the others stand by until it leaves', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('plain', 1, queue), subscribe('one', 1, queue, 1, 1e6, { exclusive: true }));
  bench.do(subscribe('two', 1, queue, 1, 1e6, { exclusive: true }));
  bench.do(send('p', queue, '1'), send('p', queue, '2'));
  const states = (): readonly string[] =>
    bench.broker
      .queueFacts(queue)
      .dispatch!.consumers.map((one) => `${one.consumer} ${one.state}${one.exclusive ? ' alone' : ''}`);
  t.same(states(), ['1 standby', '2 served alone', '3 standby']);
  bench.do(unsubscribe('one', 1));
  t.same(states(), ['1 standby', '3 served alone']);
  bench.do(unsubscribe('two', 1));
  t.same(states(), ['1 served']);
});

t.test('a replica that is not the master knows what is there, and not who has it', async (t) => {
  const bench = new Bench();
  bench.do(send('p', queue, '1'));
  const other = new Broker({ ...defaultBrokerOptions, node: 'z', run: 'z' });
  for (const { position, bytes } of bench.log.commands) other.apply(position as never, bytes, noRecords, []);
  t.match(other.queueFacts(queue), { depth: 1, known: true, dispatch: null });
  const position = bench.log.commands.at(-1)!.position;
  t.match(other.messageFacts(position), { destination: queue, holder: null });
});

t.test('subscriptions of this node to a queue, and to a topic with what waits for them', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 4, queue), subscribe('c', 5, '/queue/other'), subscribe('d', 1, '/topic/t', 1));
  bench.do(send('p', queue, '1'));
  for (const body of ['1', '22', '333']) bench.do(send('p', '/topic/t', body));
  const none = { waitingMessages: 0, waitingBytes: 0 };
  t.same(bench.broker.subscriptions(queue), [{ session: 'c', subscription: 4, consumer: 1, unsettled: 1, ...none }]);
  const bytes = 'h:22\n'.length + 2 + 'h:333\n'.length + 3;
  t.same(bench.broker.subscriptions('/topic/t'), [
    { session: 'd', subscription: 1, consumer: null, unsettled: 1, waitingMessages: 2, waitingBytes: bytes },
  ]);
  t.same(bench.broker.subscriptions('/queue/none'), []);
  bench.do(unsubscribe('c', 4), unsubscribe('d', 1));
  t.same([bench.broker.subscriptions(queue), bench.broker.subscriptions('/topic/t')], [[], []]);
});
