import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';
import { ByteWriter } from '../src/commands/byte-writer.ts';
import { DestinationNames } from '../src/commands/destination-names.ts';
import { writeSettleHead, writeSettlementGroup } from '../src/commands/encoder.ts';
import { Broker } from '../src/index.ts';
import type { BrokerEffect, Request, StoredDelivery } from '../src/index.ts';
import {
  Bench,
  TestLog,
  deliveries,
  end,
  newMessage,
  noRecords,
  replies,
  send,
  session,
  settle,
  subscribe,
  tags,
  turn,
  unsubscribe,
} from './support/test-bench.ts';
import type { RequestWish } from './support/test-bench.ts';

/** Makes the request; returns the first reference that comes of it, before any record is read. */
function references(bench: Bench, request: RequestWish): StoredDelivery | undefined {
  const effects: BrokerEffect[] = [];
  bench.broker.handle({ token: 0, ...request } as Request, effects);
  turn(bench.broker, bench.options.node, effects, true);
  return effects.find((effect) => effect.type === 'deliverStored');
}

t.test('a message is handed out only once it is applied, and its SEND answered then', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'));
  t.same(bench.ask(send('p', '/queue/q', 'one')), []);
  const effects = bench.apply();
  t.same(replies(effects), ['p']);
  t.same(deliveries(effects), ['c/1 one']);
});

t.test('messages come in order, and consumers with room take turns', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 2), subscribe('b', 1, '/queue/q', 3));
  const effects = bench.do(...['1', '2', '3', '4', '5', '6'].map((body) => send('p', '/queue/q', body)));
  t.same(deliveries(effects), ['a/1 1', 'b/1 2', 'a/1 3', 'b/1 4', 'b/1 5']);
  t.same(deliveries(bench.do(settle('a', 1, 'ack', tags(effects).slice(0, 1)))), ['a/1 6']);
});

t.test('credit returns when the ACK comes in, not when it is applied', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 1));
  const [tag] = tags(bench.do(send('p', '/queue/q', '1'), send('p', '/queue/q', '2')));
  t.same(deliveries(bench.ask(settle('a', 1, 'ack', [tag!]))), ['a/1 2']);
});

t.test('the window counts bytes, and lets one message of any size through', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 100, 10));
  const effects = bench.do(
    send('p', '/queue/q', 'x'.repeat(50)),
    send('p', '/queue/q', '2'),
    send('p', '/queue/q', '3'),
  );
  t.same(deliveries(effects), [`a/1 ${'x'.repeat(50)}`]);
  t.same(deliveries(bench.do(settle('a', 1, 'ack', tags(effects)))), ['a/1 2', 'a/1 3']);
});

t.test('what a subscription held goes back to its old place, marked, and no delivery is counted', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 2));
  bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body)));
  bench.do(unsubscribe('a', 1));
  t.same(deliveries(bench.do(subscribe('b', 1, '/queue/q'))), ['b/1 1 again', 'b/1 2 again', 'b/1 3']);
});

t.test(
  'a lost session counts a delivery for the message that each subscription held longest, and for no other',
  async (t) => {
    const bench = new Bench();
    bench.do(subscribe('a', 1, '/queue/q', 3));
    bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body)));
    bench.do(subscribe('b', 1, '/queue/q', 10));
    t.same(deliveries(bench.ask(end('a', 'lost'))), [], 'what comes back is in the log first');
    t.same(deliveries(bench.apply()), ['b/1 1 again #2', 'b/1 2 again', 'b/1 3 again']);
  },
);

t.test('a session that ends in good order counts none', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 3));
  bench.do(send('p', '/queue/q', '1'));
  bench.do(end('a', 'clean'));
  t.same(deliveries(bench.do(subscribe('b', 1, '/queue/q'))), ['b/1 1 again']);
});

t.test('a settlement under way keeps its message from others, whoever goes', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q'), subscribe('b', 1, '/queue/q', 1));
  const effects = bench.do(send('p', '/queue/q', '1'));
  bench.ask(settle('a', 1, 'ack', tags(effects)));
  t.same(deliveries(bench.ask(end('a', 'lost'))), []);
  t.same(deliveries(bench.apply()), []);
  t.same(bench.broker.queues(), [{ name: '/queue/q', depth: 0, bytes: 0, consumers: 1, unsettled: 0 }]);
});

t.test('after so many counted deliveries, not one fewer, a message is a dead letter', async (t) => {
  const bench = new Bench({ maxDeliveries: 3 });
  bench.do(subscribe('a', 1, '/queue/q'), subscribe('d', 1, '/queue/ActiveMQ.DLQ'));
  let effects = bench.do(send('p', '/queue/q', '1'));
  for (const expected of ['a/1 1 again #2', 'a/1 1 again #3', 'd/1 1 again #4']) {
    effects = bench.do(settle('a', 1, 'requeue', tags(effects)));
    t.same(deliveries(effects), [expected]);
  }
  t.match(effects.at(-1), { message: { deadLetter: { reason: 'max-deliveries', originalDestination: '/queue/q' } } });
  for (let i = 0; i < 5; i++)
    effects = bench.do(settle('d', 1, i % 2 === 0 ? 'requeue' : 'dead-letter', tags(effects)));
  t.same(deliveries(effects), ['d/1 1 again #9'], 'a dead letter never moves again by itself');
});

t.test('a NACK may ask for the dead letters, or drop the message', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q'), subscribe('d', 1, '/queue/ActiveMQ.DLQ'));
  const [one, two] = tags(bench.do(send('p', '/queue/q', '1'), send('p', '/queue/q', '2')));
  t.same(deliveries(bench.do(settle('a', 1, 'discard', [one!]))), []);
  const effects = bench.do(settle('a', 1, 'dead-letter', [two!]));
  t.match(effects.at(-1), { message: { deadLetter: { reason: 'rejected' } }, tag: two });
  t.same(
    bench.broker.queues().map(({ name, depth }) => [name, depth]),
    [
      ['/queue/q', 0],
      ['/queue/ActiveMQ.DLQ', 1],
    ],
  );
});

t.test('the policy that counts is in the log: a replica with another configuration stays equal', async (t) => {
  const bench = new Bench({ maxDeliveries: 1 });
  const replica = new Broker({ ...bench.options, maxDeliveries: 9, deadLetterQueue: '/queue/other' });
  bench.do(subscribe('a', 1, '/queue/q'));
  bench.do(settle('a', 1, 'requeue', tags(bench.do(send('p', '/queue/q', '1')))));
  for (const { position, bytes } of bench.log.commands)
    replica.apply(position as JournalPosition, bytes, noRecords, []);
  t.equal(replica.digest(), bench.broker.digest());
  t.same(
    replica.queues().map(({ name }) => name),
    ['/queue/ActiveMQ.DLQ'],
  );
});

t.test('a new master marks what was handed out, and nothing else', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 1));
  bench.do(send('p', '/queue/q', 'given'), send('p', '/queue/q', 'waits'));
  bench.changeMaster();
  bench.do(send('p', '/queue/q', 'new'));
  bench.do(end('a', 'clean'));
  t.same(deliveries(bench.do(subscribe('b', 1, '/queue/q'))), ['b/1 given again', 'b/1 waits', 'b/1 new']);
});

t.test('what an earlier mastership handed out is held all the same; forged tags are passed over', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 2));
  const given = tags(bench.do(send('p', '/queue/q', '1'), send('p', '/queue/q', '2'), send('p', '/queue/q', '3')));
  t.same(deliveries(bench.changeMaster()), [], 'the window is as full as before');
  bench.rest();
  t.same(replies(bench.do(settle('a', 1, 'ack', [-1, 0.5, 1e300, NaN]))), ['a']);
  t.equal(bench.broker.queues()[0]?.depth, 3);
  const effects = bench.do(settle('a', 1, 'ack', [given[1]!, -1, NaN]));
  t.same([replies(effects), deliveries(effects)], [['a'], ['a/1 3']]);
  t.equal(bench.broker.queues()[0]?.depth, 2);
});

t.test('when another master has opened, this one is over and answers nobody', async (t) => {
  const bench = new Bench();
  const log = new TestLog();
  const other = new Broker({ ...bench.options, wallMs: () => 5_000 });
  log.next = bench.log.next;
  other.becomeMaster(log);
  other.fromNode('other', { type: 'open', run: 'x' });
  bench.ask(send('p', '/queue/q', 'ours'));
  const effects: BrokerEffect[] = [];
  // At the very positions that this one's commands would have had.
  for (const { position, bytes } of log.commands)
    bench.broker.apply(position as JournalPosition, bytes, noRecords, effects);
  t.equal(bench.broker.applied, log.next - 1);
  t.same(effects, []);
  t.notOk(bench.broker.master);
});

t.test('consumers that come and go leave nothing behind, whatever is under way', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q'));
  const [one] = tags(bench.do(send('p', '/queue/q', '1'), send('p', '/queue/q', '2')));
  bench.ask(settle('a', 1, 'requeue', [one!]), end('a', 'clean'));
  t.same(deliveries(bench.do(subscribe('b', 1, '/queue/q', 1))), ['b/1 1 again #2']);
  t.same(deliveries(bench.do(subscribe('c', 1, '/queue/q', 1))), ['c/1 2 again']);
  bench.do(end('b', 'clean'), end('c', 'clean'));
  t.match(bench.broker.queues(), [{ depth: 2, consumers: 0, unsettled: 0 }]);
});

t.test('the store has a limit for sends, and none for settlements', async (t) => {
  const bench = new Bench({ storeBytesMax: 410 });
  bench.do(subscribe('a', 1, '/queue/q'));
  const asked = ['1', '2', '3', '4', '5', '6', '7'].map((body) => send('p', '/queue/q', body));
  bench.ask(...asked);
  const effects = bench.do();
  const outcomes = ['p', 'p', 'p', 'p', 'p', 'p store-full', 'p behind-refused'];
  t.same(replies(effects), outcomes, 'what is under way counts');
  t.same(replies(bench.do(settle('a', 1, 'requeue', tags(effects).slice(0, 1)))), ['a']);
  const commit = {
    type: 'commit' as const,
    session: session('a'),
    sends: [{ destination: '/queue/q', message: newMessage('8') }],
  };
  t.same(replies(bench.do({ ...commit, settlements: [] })), ['a store-full']);
  bench.do(settle('a', 1, 'ack', tags(effects)));
  t.same(replies(bench.do(send('q', '/queue/q', '9'))), ['q'], 'room again');
});

t.test('while the disk takes no more, sends that would be stored are refused, and nothing else', async (t) => {
  let full: string | null = null;
  const bench = new Bench({ sendsRefused: () => full });
  const [one] = tags(
    bench.do(subscribe('a', 1, '/queue/q'), subscribe('b', 1, '/topic/t'), send('p', '/queue/q', '1')),
  );
  full = 'the journal has passed journal.hardLimitBytes (123456789012345)';
  const effects = bench.do(send('p', `/queue/${'q'.repeat(100)}`, '2'));
  t.same(replies(effects), ['p store-full']);
  const [refused] = effects;
  const message = refused?.type === 'reply' ? refused.refusal!.message : '';
  t.match(message, /^\/queue\/q+\.\.\.: the journal has passed journal\.hardLimitBytes \(\d+\); try again later$/);
  t.ok(message.length <= 150, `${message.length} bytes`);
  t.same(replies(bench.do(send('q', '/topic/t', '3'))), ['q'], 'a topic that nobody stores');
  const settlement = { sends: [], settlements: [] };
  t.same(replies(bench.do({ type: 'commit', session: session('a'), ...settlement })), ['a']);
  t.same(replies(bench.do(settle('a', 1, 'ack', [one!]))), ['a']);
  full = null;
  t.same(replies(bench.do(send('q', '/queue/q', '4'))), ['q'], 'room again');
});

t.test('so has what is kept of messages in memory', async (t) => {
  const bench = new Bench({ indexBytesMax: 2 * 1536 + 3 * 32 });
  bench.do(subscribe('a', 1, '/queue/q'));
  const asked = ['/queue/q', '/queue/q', '/queue/r', '/queue/r'].map((queue) => send('p', queue, 'x'));
  const effects = asked.flatMap((send) => bench.do(send));
  t.same(replies(effects), ['p', 'p', 'p', 'p store-full']);
  bench.do(settle('a', 1, 'ack', tags(effects).slice(0, 1)));
  t.same(replies(bench.do(send('q', '/queue/r', 'x'))), ['q'], 'room again');
  t.equal(bench.broker.indexBytes, 2 * 1536 + 3 * 32);
  bench.do(settle('a', 1, 'ack', tags(effects)));
  t.equal(bench.broker.indexBytes, 1536 + 2 * 32);
});

t.test(
  'a message that cannot be brought to its consumer stays, out of the way, until the next mastership',
  async (t) => {
    const bench = new Bench();
    bench.do(subscribe('a', 1, '/queue/q', 1));
    const [one] = tags(bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body))));
    const two = one! + 1;
    const given = references(bench, subscribe('b', 1, '/queue/q', 1));
    t.equal(given?.position, two, 'the second message is with b');
    t.ok(bench.broker.undeliverable(given!), 'it is live');
    t.ok(bench.broker.undeliverable(given!), 'it does no harm to say so twice');
    t.same(deliveries(bench.do()), ['b/1 3'], 'b has room for one again, and gets what comes behind');
    t.same(replies(bench.do(settle('b', 1, 'ack', [two]))), ['b'], 'nobody can settle it');
    bench.do(end('a', 'lost'), end('b', 'lost'), subscribe('c', 1, '/queue/q'));
    bench.do(...[1, 2, 3].map(() => settle('c', 1, 'ack', [one!, two + 1])));
    t.match(bench.broker.queues(), [{ name: '/queue/q', depth: 1 }]);
    t.same(
      deliveries([...bench.changeMaster(), ...bench.rest()]),
      ['c/1 2 again'],
      'marked: it comes behind later ones',
    );
  },
);

t.test('a delivery that cannot be made of a message settled meanwhile only gives its room back', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 1), send('p', '/queue/q', '1'), send('p', '/queue/q', '2'));
  const given = references(bench, subscribe('b', 1, '/queue/q', 1));
  const names = new DestinationNames();
  const out = new ByteWriter(64);
  writeSettleHead(out);
  writeSettlementGroup(out, names.bytesOf('/queue/q'), 0, [given!.position], 0, 1);
  bench.log.propose([out.view(0, out.length)]);
  bench.apply();
  t.notOk(bench.broker.undeliverable(given!));
  t.same(deliveries(bench.do(send('p', '/queue/q', '3'))), ['b/1 3']);
});

t.test('a refusal names the destination and stays below 150 bytes', async (t) => {
  const bench = new Bench({ messageBytesMax: 10 });
  const name = `/queue/${'é'.repeat(400)}`;
  const effects = bench.do(
    send('p', name, 'too long a body'),
    send('p', '/queue/', 'x'),
    send('p', `/queue/${'n'.repeat(1100)}`, 'x'),
    send('p', '/other/x', 'x'),
  );
  t.same(replies(effects), ['p too-large', 'p bad-destination', 'p bad-destination', 'p bad-destination']);
  for (const effect of effects) if (effect.type === 'reply') t.ok(Buffer.byteLength(effect.refusal!.message) <= 150);
  t.match(effects[0], { refusal: { message: /^\/queue\// } });
});

t.test('settlements of one turn are one command, whoever made them', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q', 2), subscribe('b', 1, '/queue/q', 2), subscribe('b', 2, '/queue/r'));
  const [one, two, three, four] = tags(bench.do(...['1', '2', '3', '4'].map((body) => send('p', '/queue/q', body))));
  const before = bench.log.commands.length;
  bench.ask(
    settle('a', 1, 'ack', [one!]),
    settle('b', 1, 'requeue', [two!]),
    settle('a', 1, 'ack', [three!]),
    settle('b', 1, 'ack', [four!]),
  );
  t.equal(bench.log.commands.length, before + 1);
  t.same(replies(bench.apply()), ['a', 'b', 'a', 'b']);
});

t.test('what could not be proposed is proposed later, in its order', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('a', 1, '/queue/q'));
  const given = tags(bench.do(send('p', '/queue/q', '1')));
  bench.log.refusing = true;
  t.same(bench.ask(settle('a', 1, 'ack', given), send('a', '/queue/r', 'x')), []);
  bench.log.refusing = false;
  t.same(replies(bench.do()), ['a', 'a']);
  t.same(
    bench.broker.queues().map(({ name, depth }) => [name, depth]),
    [
      ['/queue/q', 0],
      ['/queue/r', 1],
    ],
  );
});

t.test('what is asked for while there is no master waits for the next', async (t) => {
  const bench = new Bench();
  bench.broker.resign();
  bench.broker.detach([]);
  t.same(bench.do(send('p', '/queue/q', '1')), []);
  bench.changeMaster();
  t.same(replies(bench.rest()), ['p']);
  t.equal(bench.broker.queues()[0]?.depth, 1);
});

t.test('an opening that could not be proposed is proposed at the next turn; until then nothing is', async (t) => {
  const bench = new Bench();
  bench.log.refusing = true;
  bench.changeMaster();
  const before = bench.log.commands.length;
  t.same(bench.ask(send('p', '/queue/q', '1')), []);
  t.equal(bench.log.commands.length, before);
  bench.log.refusing = false;
  t.same(replies(bench.do(send('p', '/queue/q', '2'))), ['p', 'p']);
  t.equal(bench.log.commands[before]!.bytes[1], 1);
});
