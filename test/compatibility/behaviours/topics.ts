import { told } from '../scene.ts';
import type { Behaviour, Scene, Section } from '../scene.ts';
import type { Headers } from '../talk.ts';
import { left } from './acknowledging.ts';

/** What a subscription to `pattern` is given of SENDs to these destinations, each with its name as body. */
async function heard(scene: Scene, pattern: string, destinations: readonly string[]): Promise<string> {
  const talk = await scene.client();
  await talk.subscribe(pattern);
  const sender = await scene.client();
  for (const destination of destinations) {
    await sender.send(destination, destination.replace(/^\/[a-z]+\//, '').replaceAll(scene.name('t'), 't'));
  }
  return told(await talk.messages(destinations.length));
}

function wildcard(id: string, pattern: string, note: string): Behaviour {
  return {
    id,
    says: `SUBSCRIBE to \`/topic/${pattern}\`; of \`t\`, \`t.a\`, \`t.a.b\`, \`t.c.b\` come`,
    observe: async (scene) => {
      const t = scene.topic();
      return heard(scene, `/topic/${pattern.replace('t', scene.name('t'))}`, [t, `${t}.a`, `${t}.a.b`, `${t}.c.b`]);
    },
    note,
  };
}

const plain: readonly Behaviour[] = [
  {
    id: 'topic-all',
    says: 'Two subscribers; each is given',
    observe: async (scene) => {
      const subscribers = [await scene.client(), await scene.client()];
      for (const talk of subscribers) await talk.subscribe(scene.topic());
      await (await scene.client()).send(scene.topic(), '1');
      return (await Promise.all(subscribers.map(async (talk) => talk.messages(1)))).map(told).join(' and ');
    },
  },
  {
    id: 'topic-not-kept',
    says: 'Sent before anybody subscribes: comes later',
    observe: async (scene) => {
      await (await scene.client()).send(scene.topic(), '1');
      const talk = await scene.client();
      await talk.subscribe(scene.topic());
      return told(await talk.messages(1));
    },
  },
  {
    id: 'topic-two-subscriptions',
    says: 'Two subscriptions of one connection to a topic; it is given',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.topic());
      await talk.subscribe(scene.topic());
      await (await scene.client()).send(scene.topic(), '1');
      return told(await talk.messages(2));
    },
  },
  {
    id: 'topic-own',
    says: 'A subscriber sends to its topic; it is given',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.topic());
      await talk.send(scene.topic(), '1');
      return told(await talk.messages(1));
    },
  },
  {
    id: 'topic-no-local',
    says: 'The same with `no-local:true` and `activemq.noLocal:true`',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.topic(), { 'no-local': 'true', 'activemq.noLocal': 'true' });
      await talk.send(scene.topic(), '1');
      return told(await talk.messages(1));
    },
    note: 'RabbitMQ does not know it.',
  },
  {
    id: 'topic-ack-client',
    says: '`ack:client`, 3 messages, prefetch 1: without ACK come',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.topic(), { ack: 'client', 'prefetch-count': 1, 'activemq.prefetchSize': 1 });
      const sender = await scene.client();
      for (const body of ['1', '2', '3']) await sender.send(scene.topic(), body);
      return told(await talk.messages(3));
    },
  },
  {
    id: 'topic-nack',
    says: '`ack:client-individual`, NACK; comes again',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.topic(), { ack: 'client-individual' });
      await (await scene.client()).send(scene.topic(), '1');
      await talk.nack(await talk.message());
      return told(await talk.messages(1));
    },
    note: 'A topic keeps nothing, so there is nothing to come again; RabbitMQ has a queue behind each subscription.',
  },
  {
    id: 'topic-retroactive',
    says: 'Sent, then subscribed with `activemq.retroactive:true`; comes',
    observe: async (scene) => {
      await (await scene.client()).send(scene.topic(), '1');
      const talk = await scene.client();
      await talk.subscribe(scene.topic(), { 'activemq.retroactive': 'true' });
      return told(await talk.messages(1));
    },
    note: 'How much is kept for those who come late is a policy of the topic.',
  },
  {
    id: 'topic-selector',
    says: "SUBSCRIBE with `selector:kind = 'x'`; of a (kind `x`), b (kind `y`) come",
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.topic(), { selector: "kind = 'x'" });
      const sender = await scene.client();
      await sender.send(scene.topic(), 'a', { kind: 'x' });
      await sender.send(scene.topic(), 'b', { kind: 'y' });
      return told(await talk.messages(2));
    },
    note: 'RabbitMQ has no selectors.',
  },
];

const patterns: readonly Behaviour[] = [
  wildcard('wildcard-star', 't.*', '`*` is one level.'),
  wildcard('wildcard-star-inside', 't.*.b', '`*` is one level.'),
  wildcard(
    'wildcard-rest',
    't.>',
    "`>` is the rest, none included, in ActiveMQ's and Lockstep's words; RabbitMQ's word for it is `#`.",
  ),
  wildcard('wildcard-hash', 't.#', "`#` at the end is RabbitMQ's word for `>`, which Lockstep takes, too."),
  {
    id: 'wildcard-queue',
    says: 'SUBSCRIBE to `/queue/N.*`; of `N.a`, `N.b` come',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(`${scene.queue()}.*`);
      const sender = await scene.client();
      await sender.send(`${scene.queue()}.a`, 'a');
      await sender.send(`${scene.queue()}.b`, 'b');
      return (
        [...(await talk.messages(2))]
          .map(({ body }) => body.toString())
          .toSorted()
          .join(', ') || 'nothing'
      );
    },
    note: 'To RabbitMQ it is a queue with a star in its name.',
  },
  {
    id: 'composite-send',
    says: 'SEND to `/queue/A,/queue/B`; in A and B are',
    observe: async (scene) => {
      await (await scene.client()).send(`${scene.queue('a')},${scene.queue('b')}`, '1');
      return `${await left(scene, 1, 'a')} and ${await left(scene, 1, 'b')}`;
    },
    note: 'To RabbitMQ a comma is a letter.',
  },
  {
    id: 'composite-send-bare',
    says: 'SEND to `/queue/A,B`; in A and B are',
    observe: async (scene) => {
      await (await scene.client()).send(`${scene.queue('a')},${scene.name('b')}`, '1');
      return `${await left(scene, 1, 'a')} and ${await left(scene, 1, 'b')}`;
    },
    note: 'A part without a prefix is of the kind of the first one, in Lockstep.',
  },
  {
    id: 'composite-subscribe',
    says: 'SUBSCRIBE to `/queue/A,/queue/B`; of one message to each come',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(`${scene.queue('a')},${scene.queue('b')}`);
      const sender = await scene.client();
      await sender.send(scene.queue('a'), 'a');
      await sender.send(scene.queue('b'), 'b');
      return (
        [...(await talk.messages(2))]
          .map(({ body }) => body.toString())
          .toSorted()
          .join(', ') || 'nothing'
      );
    },
    note: 'To RabbitMQ a comma is a letter.',
  },
  {
    id: 'virtual-topic',
    says: 'SEND to `/topic/VirtualTopic.N` after a subscription to `/queue/Consumer.C.VirtualTopic.N` has come and gone; comes',
    observe: async (scene) => {
      const queue = `/queue/Consumer.C.VirtualTopic.${scene.name('v')}`;
      const first = await scene.client();
      await first.subscribe(queue);
      await first.disconnect();
      await (await scene.client()).send(`/topic/VirtualTopic.${scene.name('v')}`, '1');
      const second = await scene.client();
      await second.subscribe(queue);
      return told(await second.messages(1));
    },
    note: 'RabbitMQ: a queue that is bound to the exchange does this.',
  },
];

/** What is kept while the subscriber is away, and whether UNSUBSCRIBE ends that. */
async function durable(scene: Scene, headers: Headers, ending: Headers | null): Promise<string> {
  const own = { 'client-id': scene.tag };
  const first = await scene.client('1.2', own);
  await first.subscribe(scene.topic(), { id: scene.name('d'), ...headers });
  if (ending !== null) await first.ask('UNSUBSCRIBE', { id: scene.name('d'), ...ending });
  await first.disconnect();
  await (await scene.client()).send(scene.topic(), '1', { persistent: 'true' });
  const second = await scene.client('1.2', own);
  await second.subscribe(scene.topic(), { id: scene.name('d'), ...headers });
  return told(await second.messages(1));
}

const durables: readonly Behaviour[] = [
  {
    id: 'durable-activemq',
    says: '`client-id` and `activemq.subscriptionName`: sent while away comes',
    observe: async (scene) => durable(scene, { 'activemq.subscriptionName': 'd', ack: 'client-individual' }, null),
    note: "RabbitMQ's form is another one.",
  },
  {
    id: 'durable-other-name',
    says: '`client-id` and `durable-subscription-name`: sent while away comes',
    observe: async (scene) => durable(scene, { 'durable-subscription-name': 'd', ack: 'client-individual' }, null),
    note: 'As above.',
  },
  {
    id: 'durable-rabbitmq',
    says: '`durable:true`, `auto-delete:false` and `id`: sent while away comes',
    observe: async (scene) =>
      durable(scene, { durable: 'true', 'auto-delete': 'false', ack: 'client-individual' }, null),
    note: "ActiveMQ's form is another one; Lockstep takes both.",
  },
  {
    id: 'durable-unsubscribe',
    says: 'UNSUBSCRIBE with `activemq.subscriptionName`, `durable:true` and `auto-delete:false`, then away: what is sent meanwhile comes',
    note: 'ActiveMQ refuses to delete a subscription that is in use: its users end it by `id` first. Lockstep does both.',
    observe: async (scene) => {
      const names = { 'activemq.subscriptionName': 'd', durable: 'true', 'auto-delete': 'false' };
      return durable(scene, { ...names, ack: 'client-individual' }, names);
    },
  },
  {
    id: 'durable-plain-unsubscribe',
    says: 'The same, with `id` alone in UNSUBSCRIBE',
    observe: async (scene) => {
      const names = { 'activemq.subscriptionName': 'd', durable: 'true', 'auto-delete': 'false' };
      return durable(scene, { ...names, ack: 'client-individual' }, {});
    },
    note: 'UNSUBSCRIBE without the name ends the subscriber and keeps the subscription.',
  },
  {
    id: 'durable-second',
    says: 'A second subscriber of a durable subscription while the first is there (`activemq.subscriptionName`, same connection)',
    observe: async (scene) => {
      const talk = await scene.client('1.2', { 'client-id': scene.tag });
      await talk.subscribe(scene.topic(), { id: 'one', 'activemq.subscriptionName': 'd' });
      talk.say('SUBSCRIBE', { id: 'two', destination: scene.topic(), 'activemq.subscriptionName': 'd' });
      return talk.fate();
    },
    note: 'RabbitMQ does not know the header: these are two subscriptions.',
  },
  {
    id: 'durable-on-queue',
    says: 'SUBSCRIBE to a queue with `activemq.subscriptionName`',
    observe: async (scene) => {
      const talk = await scene.client('1.2', { 'client-id': scene.tag });
      talk.say('SUBSCRIBE', { id: 1, destination: scene.queue(), 'activemq.subscriptionName': 'd' });
      return talk.fate();
    },
    note: 'A queue keeps everything anyway: who asks for this means something else.',
  },
];

const temporary: readonly Behaviour[] = [
  {
    id: 'temp-queue-reply',
    says: 'SEND with `reply-to:/temp-queue/r`; a responder on another connection answers to what it sees there; comes',
    observe: async (scene) => {
      const responder = await scene.client();
      await responder.subscribe(scene.queue());
      const asker = await scene.client();
      if (scene.server.name !== 'RabbitMQ') await asker.subscribe('/temp-queue/r');
      await asker.send(scene.queue(), 'question', { 'reply-to': '/temp-queue/r' });
      const { headers } = await responder.message();
      await responder.send(headers['reply-to'] ?? 'no-reply-to', 'answer');
      return told(await asker.messages(1));
    },
    note: 'RabbitMQ subscribes to it by itself.',
  },
  {
    id: 'temp-queue-of-another',
    says: 'SEND to `/temp-queue/r` by another connection; the first is given',
    observe: async (scene) => {
      const owner = await scene.client();
      await owner.subscribe('/temp-queue/r');
      await (await scene.client()).send('/temp-queue/r', '1');
      return told(await owner.messages(1));
    },
    note: 'The name is of its connection; others know it from `reply-to`.',
  },
  {
    id: 'temp-queue-own',
    says: 'SUBSCRIBE and SEND to `/temp-queue/r` on one connection; it is given',
    observe: async (scene) => {
      const owner = await scene.client();
      await owner.subscribe('/temp-queue/r');
      await owner.send('/temp-queue/r', '1');
      return told(await owner.messages(1));
    },
    note: "RabbitMQ's are for `reply-to` alone.",
  },
  {
    id: 'temp-topic',
    says: 'SUBSCRIBE and SEND to `/temp-topic/r` on one connection; it is given',
    observe: async (scene) => {
      const owner = await scene.client();
      await owner.subscribe('/temp-topic/r');
      await owner.send('/temp-topic/r', '1');
      return told(await owner.messages(1));
    },
    note: 'RabbitMQ has none.',
  },
  {
    id: 'temp-queue-gone',
    says: 'An answer to the `reply-to` of a connection that is gone',
    observe: async (scene) => {
      const responder = await scene.client();
      await responder.subscribe(scene.queue());
      const asker = await scene.client();
      if (scene.server.name !== 'RabbitMQ') await asker.subscribe('/temp-queue/r');
      await asker.send(scene.queue(), 'question', { 'reply-to': '/temp-queue/r' });
      const { headers } = await responder.message();
      await asker.disconnect();
      await asker.quiet();
      responder.say('SEND', { destination: headers['reply-to'] ?? 'no-reply-to' }, 'answer');
      return responder.fate();
    },
    note: 'In Lockstep the answer is dropped, and the responder goes on.',
  },
];

const rabbit: readonly Behaviour[] = [
  {
    id: 'amq-queue',
    says: 'SEND to `/queue/N`, SUBSCRIBE to `/amq/queue/N`; comes',
    observe: async (scene) => {
      await (await scene.client()).send(scene.queue(), '1');
      const talk = await scene.client();
      await talk.subscribe(`/amq/queue/${scene.name('q')}`);
      return told(await talk.messages(1));
    },
    note: "RabbitMQ's word for a queue that exists; ActiveMQ makes a queue of that whole name.",
  },
  {
    id: 'exchange-topic',
    says: 'SUBSCRIBE to `/topic/K`, SEND to `/exchange/amq.topic/K`; comes',
    observe: async (scene) => heard(scene, scene.topic(), [`/exchange/amq.topic/${scene.name('t')}`]),
    note: "RabbitMQ's word for a topic.",
  },
  {
    id: 'exchange-other',
    says: 'SEND to `/exchange/elsewhere/K`',
    observe: async (scene) => {
      const talk = await scene.client();
      talk.say('SEND', { destination: '/exchange/elsewhere/K' }, '1');
      return talk.fate();
    },
    note: 'Lockstep has no exchanges, and says so.',
  },
  {
    id: 'queue-type',
    says: 'SUBSCRIBE with `x-queue-type:classic`, `durable:true` and `auto-delete:false`, then SEND; comes',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { 'x-queue-type': 'classic', durable: 'true', 'auto-delete': 'false' });
      await (await scene.client()).send(scene.queue(), '1');
      return told(await talk.messages(1));
    },
  },
  ...['x-max-length:5', 'x-message-ttl:60000', 'x-max-priority:9', 'x-dead-letter-exchange:dead', 'x-mine:1'].map(
    (argument): Behaviour => ({
      id: `queue-argument-${argument.split(':')[0]}`,
      says: `SUBSCRIBE to a queue with \`${argument}\``,
      observe: async (scene) => {
        const talk = await scene.client();
        const [name = '', value = ''] = argument.split(':');
        talk.say('SUBSCRIBE', { id: 1, destination: scene.queue(), [name]: value });
        return talk.fate();
      },
      note: 'Policies of queues are in the configuration of Lockstep: an argument of RabbitMQ that it cannot follow is refused, and the ERROR names its own word.',
    }),
  ),
  {
    id: 'advisory-consumer',
    says: 'SUBSCRIBE to `/topic/ActiveMQ.Advisory.Consumer.Queue.N`, then somebody subscribes to `/queue/N`; comes',
    observe: async (scene) => {
      const talk = await scene.client();
      await talk.subscribe(`/topic/ActiveMQ.Advisory.Consumer.Queue.${scene.name('q')}`);
      await (await scene.client()).subscribe(scene.queue());
      return (await talk.messages(1)).length === 1 ? 'an advisory' : 'nothing';
    },
    note: 'RabbitMQ has none. ActiveMQ writes them with a library (XStream) that its Debian package does not bring, and fails.',
  },
];

export const topicSection: Section = { title: 'Topics', behaviours: plain };
export const patternSection: Section = { title: 'Wildcards, composites, virtual topics', behaviours: patterns };
export const durableSection: Section = { title: 'Durable subscriptions', behaviours: durables };
export const temporarySection: Section = { title: 'Temporary destinations', behaviours: temporary };
export const formSection: Section = { title: 'Words of ActiveMQ and RabbitMQ', behaviours: rabbit };
