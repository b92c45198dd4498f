import type { RawFrame } from '../../harness/raw-client.ts';
import { told } from '../scene.ts';
import type { Behaviour, Scene, Section } from '../scene.ts';
import type { Headers, Talk } from '../talk.ts';
import { left, window } from './acknowledging.ts';

/** SENDs to the queue, in order: body and headers. */
async function fill(scene: Scene, ...messages: readonly (readonly [string, Headers])[]): Promise<Talk> {
  const sender = await scene.client();
  for (const [body, headers] of messages) await sender.send(scene.queue(), body, headers);
  return sender;
}

const plain: readonly Behaviour[] = [
  {
    id: 'queue-keeps',
    says: 'Sent before anybody subscribes: come later',
    observe: async (scene) => {
      await fill(scene, ['1', {}], ['2', {}], ['3', {}]);
      return left(scene);
    },
  },
  {
    id: 'queue-bare-name',
    says: 'Sent to `N`, subscribed to `/queue/N`',
    observe: async (scene) => {
      const sender = await scene.client();
      await sender.send(scene.name('q'), '1');
      return left(scene, 1);
    },
    note: 'Lockstep reads `N` as `/queue/N`; RabbitMQ wants a slash.',
  },
  {
    id: 'queue-round-robin',
    says: 'Two consumers with `ack:auto`, 4 messages: each is given',
    observe: async (scene) => {
      const consumers = [await scene.client(), await scene.client()];
      for (const talk of consumers) await talk.subscribe(scene.queue());
      await fill(scene, ['1', {}], ['2', {}], ['3', {}], ['4', {}]);
      await Promise.all(consumers.map(async (talk) => talk.messages(3)));
      return consumers.map((talk) => talk.raw.count('MESSAGE')).join(' and ');
    },
  },
  {
    id: 'queue-two-subscriptions',
    says: 'Two subscriptions of one connection to a queue, 4 messages: each is given',
    observe: async (scene) => {
      const talk = await scene.client();
      const ids = [await talk.subscribe(scene.queue()), await talk.subscribe(scene.queue())];
      await fill(scene, ['1', {}], ['2', {}], ['3', {}], ['4', {}]);
      const came = await talk.messages(4);
      return ids.map((id) => came.filter(({ headers }) => headers['subscription'] === id).length).join(' and ');
    },
  },
  {
    id: 'queue-dots-and-signs',
    says: 'A queue named `a.b/c d%e`, through a SEND and a SUBSCRIBE',
    observe: async (scene) => {
      const talk = await scene.client();
      const name = scene.queue('a.b/c d%e');
      await talk.subscribe(name);
      await talk.send(name, '1');
      return told(await talk.messages(1));
    },
    note: 'RabbitMQ wants a slash escaped as `%2F`; ActiveMQ undoes percent escapes where it can.',
  },
  {
    id: 'destination-of-message',
    says: '`destination` of a MESSAGE is that of the SEND',
    observe: async (scene) => {
      await fill(scene, ['1', {}]);
      const talk = await scene.client();
      await talk.subscribe(scene.queue());
      return (await talk.message()).headers['destination'] === scene.queue() ? 'yes' : 'no';
    },
  },
  {
    id: 'queue-not-persistent',
    says: 'SEND with `persistent:false`; comes later',
    note: 'RabbitMQ reads the `persistent` of the SEND that makes a queue as `durable` of that queue, and one that is not durable is of its connection alone.',
    observe: async (scene) => {
      await fill(scene, ['1', { persistent: 'false' }]);
      return left(scene, 1);
    },
  },
];

const timed: readonly Behaviour[] = [
  ...(['expires', 'ttl', 'expiration'] as const).map((header): Behaviour => ({
    id: `expiry-${header}`,
    says: `SEND with \`${header}\` of 300 ms${header === 'expires' ? ' from now' : ''}; after 1 s comes`,
    observe: async (scene) => {
      const sender = await fill(scene, ['1', { [header]: header === 'expires' ? Date.now() + 300 : 300 }]);
      await sender.endedWithin(1_000);
      return left(scene, 1);
    },
    note: 'Lockstep takes `expires` (a point of time, as ActiveMQ) and both `ttl` and `expiration` (milliseconds, as RabbitMQ).',
  })),
  {
    id: 'expiry-in-time',
    says: 'SEND with `expires` in an hour; comes',
    note: 'In all of them a message that has not expired comes.',
    observe: async (scene) => {
      await fill(scene, ['1', { expires: Date.now() + 3_600_000 }]);
      return left(scene, 1);
    },
  },
  {
    id: 'scheduled-delay',
    says: 'SEND with `AMQ_SCHEDULED_DELAY:700`; comes',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.queue());
      await fill(scene, ['1', { AMQ_SCHEDULED_DELAY: 700, persistent: 'true' }]);
      await talk.endedWithin(300);
      const soon = talk.raw.count('MESSAGE') > 0;
      const came = told(await talk.messages(1));
      return came === 'nothing' ? came : soon ? 'at once' : 'later';
    },
    note: "RabbitMQ's needs a plugin of its own, with other headers.",
  },
  {
    id: 'scheduled-repeat',
    says: 'SEND with `AMQ_SCHEDULED_DELAY:100`, `_PERIOD:200`, `_REPEAT:2`; comes',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.queue());
      const times = { AMQ_SCHEDULED_DELAY: 100, AMQ_SCHEDULED_PERIOD: 200, AMQ_SCHEDULED_REPEAT: 2 };
      await fill(scene, ['1', { ...times, persistent: 'true' }]);
      await talk.endedWithin(600);
      return told(await talk.messages(5));
    },
    note: 'As above.',
  },
];

const ordered: readonly Behaviour[] = [
  {
    id: 'priority-order',
    says: 'Sent with priority 1, 9, 4, then subscribed: the order',
    observe: async (scene) => {
      await fill(scene, ['one', { priority: 1 }], ['nine', { priority: 9 }], ['four', { priority: 4 }]);
      return left(scene);
    },
    note: "Lockstep: strict, on every queue. ActiveMQ's must be switched on for a queue, RabbitMQ's queue be declared with `x-max-priority`.",
  },
  {
    id: 'priority-header',
    says: '`priority` of a MESSAGE whose SEND said 9, and whose SEND said nothing',
    observe: async (scene) => {
      await fill(scene, ['1', { priority: 9 }], ['2', {}]);
      const talk = await scene.client();
      await talk.subscribe(scene.queue());
      return (await talk.messages(2)).map(({ headers }) => headers['priority'] ?? 'unsaid').join(', ');
    },
    note: 'The default is 4; RabbitMQ repeats what the SEND said.',
  },
  {
    id: 'consumer-priority',
    says: 'Two consumers, the second with `activemq.priority:10` and `x-priority:10`; 2 messages go to',
    note: "RabbitMQ's STOMP passes no `x-priority` on.",
    observe: async (scene) => {
      const low = await scene.client();
      await low.subscribe(scene.queue(), { ack: 'client-individual', ...window(10) });
      const high = await scene.client();
      await high.subscribe(scene.queue(), {
        ack: 'client-individual',
        ...window(10),
        'activemq.priority': 10,
        'x-priority': 10,
      });
      await fill(scene, ['1', {}], ['2', {}]);
      await high.messages(2);
      await low.quiet();
      return [low, high].map((talk) => talk.raw.count('MESSAGE')).join(' and ');
    },
  },
  {
    id: 'exclusive-consumer',
    says: 'Two consumers with `activemq.exclusive:true`; 2 messages go to',
    observe: async (scene) => {
      const consumers = [await scene.client(), await scene.client()];
      for (const talk of consumers) {
        await talk.subscribe(scene.queue(), { ack: 'client-individual', ...window(10), 'activemq.exclusive': 'true' });
      }
      await fill(scene, ['1', {}], ['2', {}]);
      await Promise.all(consumers.map(async (talk) => talk.messages(2)));
      return consumers.map((talk) => talk.raw.count('MESSAGE')).join(' and ');
    },
    note: 'RabbitMQ has an `x-single-active-consumer` of the queue.',
  },
  {
    id: 'message-groups',
    says: 'Two consumers, 6 messages of one `JMSXGroupID`: they go to',
    observe: async (scene) => {
      const consumers = [await scene.client(), await scene.client()];
      for (const talk of consumers) await talk.subscribe(scene.queue(), { ack: 'client-individual', ...window(10) });
      await fill(scene, ...['1', '2', '3', '4', '5', '6'].map((body) => [body, { JMSXGroupID: 'g' }] as const));
      await Promise.all(consumers.map(async (talk) => talk.messages(6)));
      const most = Math.max(...consumers.map((talk) => talk.raw.count('MESSAGE')));
      return most === 6 ? 'one of them' : 'both of them';
    },
    note: 'RabbitMQ has no groups.',
  },
  {
    id: 'message-group-moves',
    says: 'The consumer that has a `JMSXGroupID` leaves: the next message of the group goes to',
    note: 'The group ends with the consumer that has it.',
    observe: async (scene) => {
      const consumers = [await scene.client(), await scene.client()];
      for (const talk of consumers) await talk.subscribe(scene.queue(), { ack: 'client-individual', ...window(10) });
      await fill(scene, ['1', { JMSXGroupID: 'g' }]);
      await Promise.all(consumers.map(async (talk) => talk.messages(1)));
      const [owner, other] = consumers[0]!.raw.count('MESSAGE') > 0 ? consumers : consumers.toReversed();
      await owner!.disconnect();
      await fill(scene, ['2', { JMSXGroupID: 'g' }]);
      const bodies = (await other!.messages(2)).map(({ body }) => body.toString());
      return bodies.includes('2') ? 'the other' : 'nobody';
    },
  },
  {
    id: 'duplicate-id',
    says: 'Two SENDs with the same `duplicate-id`; come',
    observe: async (scene) => {
      await fill(scene, ['1', { 'duplicate-id': scene.tag }], ['2', { 'duplicate-id': scene.tag }]);
      return left(scene, 2);
    },
    note: 'A header of Lockstep: a producer that sends again after a fail-over makes no double.',
  },
];

/** What a subscription with this selector is given of three messages. */
function selecting(id: string, selector: string, note?: string): Behaviour {
  return {
    id,
    says: `SUBSCRIBE with \`selector:${selector}\`; of a (kind \`x\`, size 3), b (kind \`y\`, size 12), c (neither) come`,
    observe: async (scene) => {
      await fill(scene, ['a', { kind: 'x', size: 3 }], ['b', { kind: 'y', size: 12 }], ['c', {}]);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { selector });
      return told(await talk.messages(3));
    },
    note: note ?? 'RabbitMQ has no selectors.',
  };
}

const chosen: readonly Behaviour[] = [
  selecting('selector-equal', "kind = 'x'"),
  selecting('selector-null', 'kind IS NULL'),
  selecting('selector-unknown', "NOT (kind = 'x')"),
  selecting('selector-between', 'size BETWEEN 3 AND 5'),
  selecting('selector-in', "kind IN ('x', 'z') OR size + 1 = 13"),
  selecting('selector-quoted-number', "size = '3'"),
  selecting('selector-like', "kind LIKE '_' AND kind <> 'x'"),
  selecting(
    'selector-number',
    'size > 5',
    'RabbitMQ has no selectors. A header of STOMP is text; ActiveMQ compares it with a number as a number where it reads as one.',
  ),
  {
    id: 'selector-bad',
    says: 'SUBSCRIBE with `selector:kind = `',
    observe: async (scene) => {
      const talk = await scene.client();
      talk.say('SUBSCRIBE', { id: 1, destination: scene.queue(), selector: 'kind = ' });
      return talk.fate();
    },
    note: 'Lockstep closes after every ERROR; RabbitMQ has no selectors, and takes no notice.',
  },
  {
    id: 'selector-leaves-others',
    says: 'A selector takes `b` of a, b, c; then a consumer without one is given',
    observe: async (scene) => {
      await fill(scene, ['a', {}], ['b', { kind: 'y' }], ['c', {}]);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { selector: "kind = 'y'" });
      await talk.messages(1);
      await talk.disconnect();
      return left(scene);
    },
    note: 'RabbitMQ has no selectors.',
  },
  {
    id: 'browser',
    says: 'SUBSCRIBE with `browser:true`, 2 messages: come, then left are',
    observe: async (scene) => {
      await fill(scene, ['1', {}], ['2', {}]);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { browser: 'true' });
      const come = (await talk.messages(3)).map(({ body, headers }: RawFrame) =>
        headers['browser'] === 'end' ? '(browser:end)' : body.toString(),
      );
      await talk.disconnect();
      return `${come.join(', ')}; ${await left(scene, 2)}`;
    },
    note: 'RabbitMQ has no browsers: the messages are gone.',
  },
];

/** Dead letters are looked for where ActiveMQ has them. */
async function deadLetters(scene: Scene): Promise<string> {
  const talk = await scene.client();
  await talk.subscribe('/queue/ActiveMQ.DLQ', { ack: 'client-individual', ...window(100) });
  const all = await talk.messages(100);
  const own = all.filter(({ headers }) => headers['mine'] === scene.tag);
  for (const message of own) await talk.ack(message);
  return told(own);
}

const dead: readonly Behaviour[] = [
  {
    id: 'dead-letter-expired',
    says: 'SEND with `persistent:true` and `expires`, expired: in `/queue/ActiveMQ.DLQ` is',
    alone: true,
    observe: async (scene) => {
      const sender = await fill(scene, ['1', { persistent: 'true', expires: Date.now() + 200, mine: scene.tag }]);
      await sender.endedWithin(500);
      await left(scene, 1);
      return deadLetters(scene);
    },
    note: 'RabbitMQ has dead letter exchanges, by policy of the queue.',
  },
  {
    id: 'dead-letter-expired-unsaid',
    says: 'The same without `persistent`',
    note: 'Who did not ask for persistence does not want to hear of it again.',
    alone: true,
    observe: async (scene) => {
      const sender = await fill(scene, ['1', { expires: Date.now() + 200, mine: scene.tag }]);
      await sender.endedWithin(500);
      await left(scene, 1);
      return deadLetters(scene);
    },
  },
  {
    id: 'dead-letter-headers',
    says: 'Which headers does such a dead letter have of `dead-letter-reason`, `original-destination`, `dlqDeliveryFailureCause`, and its own `mine`?',
    alone: true,
    observe: async (scene) => {
      await fill(scene, ['1', { persistent: 'true', mine: scene.tag }]);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client-individual' });
      await talk.nack(await talk.message(), { requeue: 'false', action: 'dead-letter' });
      const dead = await scene.client();
      await dead.subscribe('/queue/ActiveMQ.DLQ', { ack: 'client-individual', ...window(100) });
      const own = (await dead.messages(100)).find(({ headers }) => headers['mine'] === scene.tag);
      if (own === undefined) return 'no dead letter';
      await dead.ack(own);
      const wanted = ['dead-letter-reason', 'original-destination', 'dlqDeliveryFailureCause', 'mine'];
      return wanted.filter((name) => own.headers[name] !== undefined).join(', ');
    },
    note: 'Lockstep says why a message is a dead letter, and where it came from.',
  },
  {
    id: 'dead-letter-rejected',
    says: 'NACK with `requeue:false` and `action:dead-letter` of a `persistent:true` message: in `/queue/ActiveMQ.DLQ` is',
    alone: true,
    observe: async (scene) => {
      await fill(scene, ['1', { persistent: 'true', mine: scene.tag }]);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client-individual' });
      await talk.nack(await talk.message(), { requeue: 'false', action: 'dead-letter' });
      return deadLetters(scene);
    },
    note: 'As above.',
  },
];

export const queueSection: Section = {
  title: 'Queues',
  behaviours: [...plain, ...timed, ...ordered, ...chosen, ...dead],
};
