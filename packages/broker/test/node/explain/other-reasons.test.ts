import type { MessageFacts } from '@lockstep/core';
import type { JournalPosition, NodeId } from '@lockstep/kernel';
import t from 'tap';

import { intakeReasons } from '../../../src/node/explain/intake-reasons.ts';
import {
  messageReasons,
  messageSummary,
  notStored,
  unknownMessage,
} from '../../../src/node/explain/message-reasons.ts';
import { nodeReasons, topicReasons, topicSummary } from '../../../src/node/explain/topic-reasons.ts';
import { codes, consumer, dispatch, facts, nowMs, subscription, view } from './bench.ts';

const limit = 16 << 20;

function message(more: Partial<MessageFacts>): MessageFacts {
  const base = { position: 9 as JournalPosition, destination: '/queue/q', size: 100, count: 0 };
  return { ...base, deadLetter: null, holder: null, ...more };
}

t.test('a message that a consumer holds: who, since when; and whose node is away', async (t) => {
  const held = { state: 'held', consumer: consumer({ messages: 1 }), sinceMs: nowMs - 12_000 } as const;
  t.match(messageReasons(message({ holder: held }), dispatch(), facts()), [
    {
      code: 'held',
      text: /^session b-1-1 on node b \(127\.0\.0\.1:5000\) has held it for 12 s\. It must acknowledge it or give it back; /,
      forMs: 12_000,
      consumer: { node: 'b', session: 'b-1-1' },
    },
  ]);
  const away = { ...held, sinceMs: null, consumer: consumer({ state: 'away' }) };
  const [reason] = messageReasons(message({ holder: away }), dispatch(), facts({ nodes: [], leaseLeftMs: () => 3000 }));
  t.match(reason, { text: 'a consumer on node b has held it. Node b is away: the message goes to another in 3.0 s, ' });
});

t.test('a message that is being settled, could not be read, or is ready', async (t) => {
  const holder = (state: 'settling' | 'set-aside' | 'ready') => ({ state, consumer: null, sinceMs: null });
  const reasons = (state: 'settling' | 'set-aside' | 'ready') =>
    messageReasons(message({ holder: holder(state) }), dispatch(), facts());
  t.match(reasons('settling'), [{ code: 'settling', text: /^a client has acknowledged it or given it back, / }]);
  t.match(reasons('set-aside'), [{ code: 'unreadable', text: /^it could not be read from the disk/ }]);
  t.same(reasons('ready'), [], 'those of its queue');
  t.equal(
    messageSummary(message({ holder: holder('ready'), count: 2 })),
    'waits, with nobody, in /queue/q, 100 bytes, 2 deliveries counted',
  );
});

t.test('a dead letter: why, and where it was', async (t) => {
  const deadLetter = { reason: 'max-deliveries', originalDestination: '/queue/orders' };
  t.match(messageReasons(message({ deadLetter, count: 6 }), null, facts()), [
    {
      code: 'dead-letter',
      text: /^it is a dead letter, from \/queue\/orders: it was given back as often as maxDeliveries allows\. /,
      ...{ reason: 'max-deliveries', originalDestination: '/queue/orders', deliveries: 6 },
    },
  ]);
  const later = messageReasons(message({ deadLetter: { ...deadLetter, reason: 'expired' } }), null, facts());
  t.match(later, [{ text: /from \/queue\/orders: expired\. / }], 'a reason that has no words here');
});

t.test('a message that is not there', async (t) => {
  t.match(unknownMessage(5, 9), { code: 'unknown-message', newest: 9, text: /^no message 5 is there: it was acknow/ });
  t.match(unknownMessage(10, 9), { text: /^there has been no message 10: the highest id so far is at most 9$/ });
  t.match(notStored('v1-2'), { code: 'not-stored', text: /^v1-2 is a topic message / });
});

t.test('a topic without subscribers, with such that keep up, and with such that do not', async (t) => {
  const none = facts({ nodes: [view()] });
  t.match(topicReasons('/topic/t', none, limit), [
    { code: 'no-subscriber', text: /^nobody subscribes to \/topic\/t: / },
  ]);
  t.equal(topicSummary(none, ' on this node'), 'no subscribers on this node');
  t.match(topicReasons('/topic/t', facts(), limit), [{ code: 'moving', subscribers: 1 }]);
  const behind = facts({
    nodes: [
      view({ subscriptions: [subscription({ waitingMessages: 2, waitingBytes: 2000, unsettled: 1 })] }),
      view({
        node: 'c' as NodeId,
        subscriptions: [subscription({ session: 'c-1', waitingMessages: 9, waitingBytes: 9000 })],
      }),
      view({
        node: 'd' as NodeId,
        subscriptions: [subscription({ session: 'd-1', unsentBytes: 1 << 20 }), subscription()],
      }),
    ],
  });
  t.match(topicReasons('/topic/t', behind, limit), [
    { code: 'slow-socket', node: 'd', unsentBytes: 1 << 20 },
    { code: 'subscriber-behind', node: 'c', waitingMessages: 9, backlogBytesMax: limit },
    {
      code: 'subscriber-behind',
      text: /^session b-1-1 on node b .* is behind: 2 messages \(2000 bytes\) wait for it, while it has 1 that it has not acknowledged\. With more than 16 MiB /,
    },
  ]);
  t.equal(topicSummary(behind, ''), '4 subscribers, for whom 11 messages wait');
});

t.test('nodes whose clients wait for a master, or are not read', async (t) => {
  const waiting = { clients: 3, forMs: 4000, closedInMs: 16_000 };
  const nodes = [
    view({ waiting }),
    view({ node: 'c' as NodeId, waiting: { ...waiting, clients: 0 } }),
    view({ node: 'd' as NodeId, heldUpBy: 'the disk is slow' }),
    view({ node: 'e' as NodeId, heldUpBy: 'nobody sends', clients: 0 }),
  ];
  t.match(nodeReasons(facts({ nodes })), [
    {
      ...{ code: 'node-waits', node: 'b', ...waiting },
      text: /^node b has not been attached to the master for 4\.0 s, so its 3 clients wait; they are disconnected in 16 s /,
    },
    { code: 'producers-held', node: 'd', text: 'clients of node d that send are not read now: the disk is slow' },
  ]);
});

t.test('nodes that have not applied what their clients wait for', async (t) => {
  const late = { applied: 3000, waitsForApply: true };
  const nodes = [
    view(late),
    view({ ...late, node: 'c' as NodeId, standsStill: true }),
    view({ ...late, node: 'd' as NodeId, waitsForApply: false }),
    view({ ...late, node: 'e' as NodeId, applied: 4500 }),
  ];
  t.match(nodeReasons(facts({ nodes })), [
    { code: 'node-behind', node: 'b', behind: 2000, text: /^node b is 2000 entries behind .*; it is catching up$/ },
    { code: 'node-behind', node: 'c', standsStill: true, text: /it gets no further, and takes no clients: / },
  ]);
  t.equal(nodeReasons(facts({ nodes })).length, 2);
});

t.test('SENDs are refused: which limit, and the numbers', async (t) => {
  const { intake } = facts();
  t.same(intakeReasons(intake, 1000), []);
  const store = { ...intake, storeBytes: 9_000, storeBytesMax: 10_000 };
  t.same(intakeReasons(store, 936), [], 'one more would go in');
  t.match(intakeReasons(store, 937), [{ code: 'store-full', storeBytes: 9_000, storeBytesMax: 10_000 }]);
  const index = { ...intake, indexBytes: 9_970, indexBytesMax: 10_000 };
  t.match(intakeReasons(index, 1), [{ code: 'index-full', text: /limits\.indexBytes/, indexBytes: 9_970 }]);
  const disk = (pressure: 'soft' | 'hard') => intakeReasons({ ...intake, disk: { pressure, reason: 'it is full' } }, 1);
  t.match(disk('soft'), [{ code: 'disk-filling', text: /^producers are slowed: it is full on the master/ }]);
  t.match(disk('hard'), [{ code: 'disk-full', text: /^SENDs are refused: it is full on the master/ }]);
  t.same(codes(disk('hard')).length, 1);
});
