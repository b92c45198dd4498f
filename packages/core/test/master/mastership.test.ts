import t from 'tap';
import { commandType } from '../../src/commands/format.ts';
import { given, MasterBench, TestNode, types, wish } from '../support/master-bench.ts';
import { streamed } from '../support/stream-commands.ts';

const queue = '/queue/q';

function typesOf(bench: MasterBench, from: number): number[] {
  return bench.log.commands.slice(from).map(({ bytes }) => bytes[1]!);
}

t.test('what is sent again takes effect once, and a hole in the numbers ends the attachment', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  t.ok(a.send(queue, '1', '2'));
  const before = bench.log.commands.length;
  const again = [1, 2, 3].map((number) => streamed(commandType.enqueue, a.epoch, number, queue, `${number}`));
  t.ok(a.say({ type: 'propose', number: 1, over: 0, commands: again, sessions: [1, 1, 1] }));
  t.equal(bench.log.commands.length, before + 1, 'only the third is new');
  bench.rest();
  t.same(bench.outcomes, [`${a.epoch}:1`, `${a.epoch}:2`, `${a.epoch}:3`]);
  t.equal(bench.state.queues.get(queue)!.list.length, 3);
  a.number = 5;
  t.notOk(a.send(queue, '6'));
  t.notOk(a.settle(1, queue, 'ack', []), 'nothing more is taken');
  a.number = 3;
  bench.mastership.nodeDetached('a');
  a.attach();
  t.ok(a.send(queue, '4'), 'attached anew, it is heard again');
});

t.test('a command that is not what its message says ends the attachment', async (t) => {
  for (const [type, epoch, number] of [
    [commandType.transactionPart, 0, 1],
    [commandType.enqueue, 1, 1],
    [commandType.enqueue, 0, 2],
  ] as const) {
    const bench = new MasterBench();
    const a = bench.node('a');
    const command = streamed(type, a.epoch + epoch, number, queue, 'x');
    t.notOk(a.say({ type: 'propose', number: 1, over: 0, commands: [command], sessions: [1] }));
  }
  const bench = new MasterBench();
  const a = bench.node('a');
  t.notOk(a.say({ type: 'propose', number: 1, over: 0, commands: [Uint8Array.of(1, 8, 0xff)], sessions: [1] }));
});

t.test('what was proposed in this mastership is known when the node attaches anew, applied or not', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.send(queue, '1', '2');
  bench.apply(1);
  bench.mastership.nodeDetached('a');
  a.attach();
  t.match(bench.turn().get('a'), [{ type: 'attached', number: 1 }]);
  const before = bench.log.commands.length;
  a.number = 1;
  t.ok(a.send(queue, '2'));
  t.equal(bench.log.commands.length, before);
});

t.test('while the log takes nothing, messages wait in their order, with bytes of their own', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  bench.log.refusing = true;
  const command = streamed(commandType.enqueue, a.epoch, 1, queue, 'one');
  const whole = command.slice();
  t.ok(a.say({ type: 'propose', number: 1, over: 0, commands: [command], sessions: [1] }));
  command.fill(0);
  a.number = 1;
  t.ok(a.settle(1, queue, 'ack', []));
  t.ok(a.send(queue, 'two'));
  bench.turn();
  t.equal(bench.applied, bench.log.commands.length);
  bench.log.refusing = false;
  const before = bench.log.commands.length;
  bench.rest();
  t.strictSame(bench.log.commands[before]!.bytes, whole);
  t.same(
    bench.outcomes,
    [1, 2, 3].map((number) => `${a.epoch}:${number}`),
  );
});

t.test('a stream that another process of the node has opened is stale for the first', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  const old = a.epoch;
  const second = new TestNode(bench, 'a');
  second.open('r2');
  t.not(second.epoch, old);
  t.ok(a.send(queue, 'x'), 'it is passed over');
  a.attach();
  t.same(types(bench.turn().get('a')), ['stale']);
  second.attach();
  t.same(types(bench.turn().get('a')), ['attached']);
});

t.test('the same process asks for its stream twice, and has one', async (t) => {
  const bench = new MasterBench();
  const a = new TestNode(bench, 'a');
  a.say({ type: 'open', run: 'r1' });
  a.open('r1');
  const { epoch } = a;
  a.open('r1');
  t.equal(a.epoch, epoch);
  t.equal(bench.state.streams.size, 1);
});

t.test('a consumer is served once all replicas know that its node may hold messages of the queue', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.send(queue, '1');
  bench.rest();
  a.subscribe(1, queue);
  const told = bench.turn();
  t.same(types(told.get('a')), ['subscribed'], 'not before the mark is applied');
  bench.apply();
  t.same([...bench.state.streams.get('a')!.marks], [queue]);
  t.same(given(bench.turn(), 'a'), ['1:3']);
  a.subscribe(2, queue);
  const before = bench.log.commands.length;
  bench.turn();
  t.equal(bench.log.commands.length, before, 'one mark is enough');
});

t.test('the mark goes after the last consumer, and whoever comes meanwhile waits for the next', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.subscribe(1, queue);
  a.subscribe(2, queue);
  bench.rest();
  a.say({ type: 'unsubscribe', consumer: 1 });
  const before = bench.log.commands.length;
  bench.turn();
  t.equal(bench.log.commands.length, before);
  a.say({ type: 'unsubscribe', consumer: 2 });
  bench.turn();
  t.same(typesOf(bench, before), [commandType.mark], 'off is under way');
  a.subscribe(3, queue);
  a.send(queue, '1');
  t.same(given(bench.turn(), 'a'), []);
  bench.apply(1);
  t.equal(bench.state.streams.get('a')!.marks.size, 0);
  t.same(given(bench.turn(), 'a'), [], 'it is not marked now');
  t.equal(given(bench.rest(), 'a').length, 1);
  t.equal(bench.state.streams.get('a')!.marks.size, 1);
  a.say({ type: 'unsubscribe', consumer: 3 });
  a.subscribe(4, queue);
  const after = bench.log.commands.length;
  bench.rest();
  t.equal(bench.log.commands.length, after, 'gone and come in one turn: nothing changes');
});

t.test('deliveries of a turn are one message, for which the node must have applied what the master has', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  const b = bench.node('b');
  a.subscribe(1, queue, 2);
  b.subscribe(1, queue, 1);
  bench.rest();
  a.send(queue, '1', '2', '3', '4');
  bench.apply();
  const told = bench.turn();
  t.match(told.get('a'), [{ type: 'deliver', applied: bench.state.applied }]);
  t.same([given(told, 'a').length, given(told, 'b').length], [2, 1]);
  t.equal(bench.turn().size, 0);
});

t.test('what is away holds what it had, and gets no more', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  const b = bench.node('b');
  a.subscribe(1, queue);
  bench.rest();
  b.send(queue, '1');
  bench.apply();
  const [held] = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
  bench.mastership.nodeDetached('a');
  b.subscribe(1, queue);
  bench.rest();
  b.send(queue, '2', '3');
  t.same(
    given(bench.rest(), 'b'),
    [held! + 2, held! + 3].map((position) => `1:${position}`),
    'the first is still with a',
  );
});

t.test(
  'a node that has applied the opening of its stream before its master is not told that it is stale',
  async (t) => {
    const bench = new MasterBench();
    const a = new TestNode(bench, 'a');
    a.say({ type: 'open', run: 'r1' });
    a.epoch = bench.log.next - 1;
    a.attach();
    t.notOk(bench.turn().has('a'));
    bench.apply();
    t.same(types(bench.turn().get('a')), ['attached']);
  },
);

t.test('what a node gives back stands in its old place, also where nothing was handed out yet', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.send(queue, '1', '2', '3');
  bench.apply();
  const { list } = bench.state.queues.get(queue)!;
  t.ok(list.findFrom(0));
  const one = list.position;
  bench.changeMaster();
  a.attach([{ ...wish(1, queue, [one + 1]), prefetchMessages: 0 }], 1);
  a.say({ type: 'release', consumer: 1, positions: [one + 1] });
  a.subscribe(2, queue);
  t.same(
    given(bench.rest(), 'a'),
    [one, one + 1, one + 2].map((position) => `2:${position}`),
  );
});

t.test('attached anew, a node keeps what it names, and the rest is ready', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.subscribe(1, queue);
  bench.rest();
  a.send(queue, '1', '2', '3');
  bench.apply();
  const positions = given(bench.turn(), 'a').map((one) => Number(one.slice(2)));
  bench.mastership.nodeDetached('a');
  a.attach([wish(1, queue, [positions[0]!, positions[2]!])], 1);
  t.same(given(bench.turn(), 'a'), [`1:${positions[1]}`], 'it never got that one: it comes unmarked');
  t.ok(a.settle(1, queue, 'ack', positions));
  bench.rest();
  t.equal(bench.state.queues.get(queue)!.list.length, 0);
});

t.test('a settlement under way when the node attaches anew stays under way', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.subscribe(1, queue);
  bench.rest();
  a.send(queue, '1', '2');
  bench.apply();
  const [one, two] = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
  a.settle(1, queue, 'ack', [one!]);
  a.commit(['x'], [{ consumer: 1, destination: queue, outcome: 'ack', positions: [two!, 99] }]);
  a.commit(['x'], [{ consumer: 1, destination: queue, outcome: 'ack', positions: [two!] }]);
  bench.mastership.nodeDetached('a');
  a.attach([wish(1, queue, [one!, two!])], 1);
  t.same(given(bench.turn(), 'a'), []);
  bench.rest();
  t.equal(bench.state.queues.get(queue)!.list.length, 0);
});

t.test('a consumer that only waits for its settlements gets nothing, and leaves', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.subscribe(1, queue, 1);
  bench.rest();
  a.send(queue, '1', '2');
  bench.apply();
  const [one] = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
  bench.changeMaster();
  a.attach([{ ...wish(1, queue, [one!]), prefetchMessages: 0 }], 1);
  a.settle(1, queue, 'return', [one!]);
  t.same(given(bench.rest(), 'a'), []);
  a.say({ type: 'unsubscribe', consumer: 1 });
  bench.rest();
  t.equal(bench.state.streams.get('a')!.marks.size, 0);
});

t.test('a new master hands out nothing of a queue before the nodes that may hold it have spoken', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  const b = bench.node('b');
  a.subscribe(1, queue, 1);
  b.subscribe(1, '/queue/other');
  bench.rest();
  b.send(queue, '1', '2');
  b.send('/queue/other', '3');
  bench.apply();
  const [one] = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
  bench.changeMaster();
  t.same([...bench.mastership.awaited].sort(), ['a', 'b']);
  b.attach([wish(1, '/queue/other', []), wish(2, queue, [])], 1);
  t.same(bench.mastership.awaited, ['a']);
  const first = bench.rest();
  t.equal(given(first, 'b').length, 1, 'of the other queue');
  a.attach([wish(1, queue, [one!])], 1);
  t.same(bench.mastership.awaited, []);
  t.same(given(bench.rest(), 'b'), [`2:${one! + 1}`], 'the one that a has not named, unmarked');
});

t.test('a message named as held twice has one holder', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  const b = bench.node('b');
  a.send(queue, '1');
  a.subscribe(1, queue);
  b.subscribe(1, queue);
  bench.rest();
  const position = bench.state.applied - 2;
  const one = [...bench.state.queues.get(queue)!.list.list(4)!.capture()][0]!.positions[0]!;
  t.ok(one <= position);
  bench.changeMaster();
  a.attach([wish(1, queue, [one])], 1);
  b.attach([wish(1, queue, [one])], 1);
  b.settle(1, queue, 'ack', [one]);
  bench.rest();
  t.equal(bench.state.queues.get(queue)!.list.length, 1, 'the second holds it not');
  a.settle(1, queue, 'ack', [one]);
  bench.rest();
  t.equal(bench.state.queues.get(queue)!.list.length, 0);
});

t.test(
  'a lapse gives what a node held to others, marked; a late acknowledgement counts while nobody has it',
  async (t) => {
    const bench = new MasterBench();
    const a = bench.node('a');
    const b = bench.node('b');
    a.subscribe(1, queue);
    bench.rest();
    b.send(queue, '1', '2', '3');
    bench.apply();
    const positions = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
    bench.mastership.lapse('a');
    t.equal(bench.applied, bench.log.commands.length, 'it is attached: nothing lapses');
    bench.mastership.nodeDetached('a');
    bench.mastership.lapse('a');
    a.attach([wish(1, queue, positions)], 1);
    t.same(bench.turn().get('a'), undefined, 'the lapse on its way is waited for');
    bench.apply();
    b.subscribe(1, queue, 1);
    const told = bench.turn();
    t.match(told.get('a'), [{ type: 'attached', lapsed: true }]);
    bench.apply();
    b.send('/queue/other', 'x');
    a.settle(1, queue, 'ack', [positions[2]!]);
    const second = bench.rest();
    t.same([...given(second, 'a'), ...given(second, 'b')].map((one) => one.slice(2)).sort(), [
      `${positions[0]}!`,
      `${positions[1]}!`,
    ]);
    t.equal(bench.state.queues.get(queue)!.list.length, 2, 'the third is settled, and was handed to nobody');
  },
);

t.test('a late acknowledgement of what another has is passed over', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  const b = bench.node('b');
  a.subscribe(1, queue);
  bench.rest();
  b.send(queue, '1');
  bench.apply();
  const [one] = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
  bench.mastership.nodeDetached('a');
  bench.mastership.lapse('a');
  b.subscribe(1, queue);
  t.same(given(bench.rest(), 'b'), [`1:${one}!`]);
  a.attach([wish(1, queue, [one!])], 1);
  a.settle(1, queue, 'ack', [one!]);
  t.notOk(bench.log.commands.length === bench.applied, 'the number is used all the same');
  bench.rest();
  t.equal(bench.state.queues.get(queue)!.list.length, 1);
  a.commit([], [{ consumer: 1, destination: queue, outcome: 'ack', positions: [one!] }]);
  bench.rest();
  t.match(bench.outcomes.at(-1), /no-such-message/);
  b.settle(1, queue, 'ack', [one!]);
  bench.rest();
  t.equal(bench.state.queues.get(queue)!.list.length, 0);
});

t.test('a transaction is taken whole or refused whole, also when parts of it were there', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.commit(['1', '2'], []);
  const first = bench.log.commands.at(-3)!;
  bench.apply(1);
  t.equal(bench.state.streams.get('a')!.number, 1);
  // The rest is lost with the mastership.
  bench.changeMaster();
  a.attach();
  a.number = 0;
  t.ok(a.commit(['1', '2'], []));
  bench.rest();
  t.same(
    bench.outcomes,
    [1, 2, 3].map((number) => `${a.epoch}:${number}`),
  );
  const { list } = bench.state.queues.get('/queue/r')!;
  t.ok(list.find(first.position));
  t.equal(list.length, 2);
  t.equal(bench.records.positions.size, 2);
  const nothing = { consumer: 9, destination: queue, outcome: 'ack' as const, positions: [] };
  a.commit(['of no consequence'], [nothing, nothing]);
  bench.rest();
  t.equal(list.length, 3);
  a.commit(['3'], [{ consumer: 9, destination: queue, outcome: 'ack', positions: [1] }]);
  bench.rest();
  t.match(bench.outcomes.at(-1), `${a.epoch}:6-7 no-such-message`);
  t.equal(list.length, 3);
});

t.test('limits refuse what passes them, in its place, and let the rest through', async (t) => {
  const bench = new MasterBench({ storeBytesMax: 300 });
  const a = bench.node('a');
  a.send(queue, '1', '2', 'x'.repeat(200), 'y'.repeat(200), '3');
  bench.rest();
  const outcomes = ['1', '2', '3-3 store-full', '4-4 store-full', '5'];
  t.same(
    bench.outcomes,
    outcomes.map((outcome) => `${a.epoch}:${outcome}`),
  );
  a.commit(['4', '5', '6'], []);
  bench.rest();
  t.match(bench.outcomes.at(-1), `${a.epoch}:6-9 store-full`);
  t.equal(bench.state.queues.get(queue)!.list.length, 3);
});

t.test(
  'behind a refused message nothing more of its session gets into the log, and all of the others does',
  async (t) => {
    const bench = new MasterBench({ storeBytesMax: 300 });
    const a = bench.node('a');
    const large = 'x'.repeat(200);
    a.sendFrom([1, 2, 3, 1, 1, 2], queue, '1', large, '3', '4', large, '6');
    a.sendFrom([2, 1, 1], queue, '7', '8', '9');
    t.ok(a.commit(['10'], [], 2));
    t.ok(a.settle(9, queue, 'ack', []));
    bench.rest();
    const outcomes = ['1', '2-2 store-full', '3', '4', '5-5 store-full', '6-6 behind-refused'];
    const later = ['7-7 behind-refused', '8-9 behind-refused', '10-11 behind-refused', '12'];
    t.same(
      bench.outcomes,
      [...outcomes, ...later].map((outcome) => `${a.epoch}:${outcome}`),
    );
  },
);

t.test(
  'that lasts until the node has known of the refusal, and the next master knows what was refused before',
  async (t) => {
    let full: string | null = 'the disk is full';
    const bench = new MasterBench({ sendsRefused: () => full });
    const a = bench.node('a');
    a.sendFrom([1, 2], queue, '1', '2');
    bench.apply(1);
    full = null;
    bench.changeMaster();
    t.same([...bench.state.streams.get('a')!.refused], [[1, 1]]);
    a.attach();
    a.number = 1;
    a.sendFrom([2, 1, 3], queue, '2', '3', '4');
    t.ok(a.commit(['5'], [], 1));
    bench.rest();
    bench.mastership.nodeDetached('a');
    a.attach();
    a.sendFrom([1], queue, '7');
    bench.rest();
    a.over = 6;
    a.sendFrom([1], queue, '8');
    a.over = 7;
    a.sendFrom([1], queue, '9');
    bench.rest();
    const outcomes = ['1-1 store-full', '2', '3-3 behind-refused', '4', '5-6 behind-refused', '7-7 behind-refused'];
    t.same(
      bench.outcomes,
      [...outcomes, '8-8 behind-refused', '9-9 behind-refused'].map((outcome) => `${a.epoch}:${outcome}`),
      'what the node has known is less than what was refused since',
    );
    a.over = 9;
    a.sendFrom([1], queue, '10');
    full = 'the disk is full';
    a.sendFrom([4], queue, '11');
    bench.rest();
    t.same(
      bench.outcomes.slice(-2),
      ['10', '11-11 store-full'].map((outcome) => `${a.epoch}:${outcome}`),
    );
    t.same([...bench.state.streams.get('a')!.refused], [[4, 11]], 'and the state forgets it with the next refusal');
  },
);

t.test('a refusal that the log did not take is none', async (t) => {
  let full: string | null = 'the disk is full';
  const bench = new MasterBench({ sendsRefused: () => full });
  const a = bench.node('a');
  bench.log.refusing = true;
  a.sendFrom([1, 2], queue, '1', '2');
  t.ok(a.commit(['3'], [], 3));
  bench.log.refusing = false;
  full = null;
  bench.rest();
  t.same(
    bench.outcomes,
    ['1', '2', '3', '4'].map((outcome) => `${a.epoch}:${outcome}`),
  );
});

t.test('a full disk refuses messages, and no settlement', async (t) => {
  let full: string | null = null;
  const bench = new MasterBench({ sendsRefused: () => full });
  const a = bench.node('a');
  a.subscribe(1, queue);
  bench.rest();
  a.send(queue, '1');
  bench.apply();
  const [one] = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
  full = 'the disk is full';
  a.send(queue, '2', '3');
  a.settle(1, queue, 'ack', [one!]);
  bench.rest();
  t.same(
    bench.outcomes.slice(1),
    ['2-2 store-full', '3-3 store-full', '4'].map((outcome) => `${a.epoch}:${outcome}`),
  );
});

t.test('what could not be brought to a client leaves room, and is set aside while it is live', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.subscribe(1, queue, 1);
  bench.rest();
  a.send(queue, '1', '2');
  bench.apply();
  const [one] = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
  const size = 10;
  a.say({ type: 'undeliverable', consumer: 1, position: one as never, size });
  t.same(given(bench.turn(), 'a'), [`1:${one! + 1}`]);
  a.say({ type: 'undeliverable', consumer: 7, position: one as never, size });
});

t.test('released positions are ready again, unmarked', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  a.subscribe(1, queue, 1);
  bench.rest();
  a.send(queue, '1', '2');
  bench.apply();
  const [one] = given(bench.turn(), 'a').map((delivery) => Number(delivery.slice(2)));
  a.say({ type: 'release', consumer: 1, positions: [one!, one! + 1, 77] });
  t.same(given(bench.turn(), 'a'), [`1:${one}`]);
});

t.test('topic messages go to every node with subscribers, once, and are acknowledged', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  const b = bench.node('b');
  const c = bench.node('c');
  b.say({ type: 'interest', topic: '/topic/t', consumers: 2 });
  t.same(types(bench.turn().get('b')), ['interested']);
  const message = { envelope: 1, headerBlock: Uint8Array.of(1), body: Uint8Array.of(2, 3), attributes: null };
  const publish = (number: number): boolean =>
    a.say({ type: 'publish', number, destination: '/topic/t', timestampMs: 5, message });
  publish(1);
  publish(1);
  message.body[0] = 9;
  const told = bench.turn();
  t.same(types(told.get('b')), ['publish']);
  t.match(told.get('b'), [{ epoch: a.epoch, number: 1, message: { body: Uint8Array.of(2, 3) } }]);
  t.match(told.get('a'), [{ type: 'published', number: 1 }]);
  t.notOk(told.has('c'));
  c.attach([], 0, ['/topic/t']);
  b.say({ type: 'interest', topic: '/topic/t', consumers: 0 });
  publish(2);
  const second = bench.turn();
  t.same(types(second.get('c')), ['attached', 'publish']);
  t.same(types(second.get('b')), ['interested']);
  bench.mastership.nodeDetached('c');
  publish(3);
  t.notOk(bench.turn().has('c'));
});

t.test('the window is told to who is attached, and to who attaches', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  bench.mastership.setWindow(1000, 'busy');
  bench.mastership.setWindow(1000, 'busy');
  t.same(bench.turn().get('a'), [{ type: 'window', bytes: 1000, reason: 'busy' }]);
  bench.mastership.nodeDetached('a');
  a.attach();
  t.match(bench.turn().get('a'), [{ type: 'attached', windowBytes: 1000 }]);
  t.same(types(bench.turn().get('a')), []);
});

t.test('while the window is shut, the nodes hear of each new reason, those that come too', async (t) => {
  const bench = new MasterBench();
  const a = bench.node('a');
  bench.mastership.setWindow(0, 'slow');
  bench.mastership.setWindow(0, 'slow');
  t.same(bench.turn().get('a'), [{ type: 'window', bytes: 0, reason: 'slow' }]);
  bench.mastership.setWindow(0, 'leaving');
  t.same(bench.turn().get('a'), [{ type: 'window', bytes: 0, reason: 'leaving' }]);
  bench.mastership.nodeDetached('a');
  a.attach();
  const attached = { type: 'attached', windowBytes: 0 };
  t.match(bench.turn().get('a'), [attached, { type: 'window', bytes: 0, reason: 'leaving' }]);
  bench.mastership.setWindow(1000, '');
  t.same(bench.turn().get('a'), [{ type: 'window', bytes: 1000, reason: '' }]);
});
