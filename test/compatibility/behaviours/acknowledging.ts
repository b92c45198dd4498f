import type { RawFrame } from '../../harness/raw-client.ts';
import { starred, told } from '../scene.ts';
import type { Behaviour, Scene, Section } from '../scene.ts';
import type { Headers, Talk, Version } from '../talk.ts';

/** A consumer that holds messages `1`, `2`, `3` of the queue. */
async function holder(
  scene: Scene,
  ack: string,
  version: Version = '1.2',
): Promise<{ readonly talk: Talk; readonly id: string; readonly held: readonly [RawFrame, RawFrame, RawFrame] }> {
  const sender = await scene.client();
  for (const body of ['1', '2', '3']) await sender.send(scene.queue(), body);
  const talk = await scene.client(version);
  const id = await talk.subscribe(scene.queue(), { ack, ...window(10) });
  const held = [await talk.message(), await talk.message(), await talk.message()] as const;
  return { talk, id, held };
}

/** So many messages at a time, in the words of each. */
export function window(count: number): Headers {
  return { 'prefetch-count': count, 'activemq.prefetchSize': count };
}

/** What another consumer is given of the queue. */
export async function left(scene: Scene, count = 3, name = 'q'): Promise<string> {
  const talk = await scene.client();
  await talk.subscribe(scene.queue(name));
  return starred(await talk.messages(count));
}

/** Holds three, does something, and is cut off: what is left? */
function afterCut(
  id: string,
  says: string,
  ack: string,
  act: (talk: Talk, held: readonly [RawFrame, RawFrame, RawFrame]) => Promise<void>,
  more: { readonly version?: Version; readonly note?: string } = {},
): Behaviour {
  return {
    id,
    says,
    ...(more.note === undefined ? {} : { note: more.note }),
    observe: async (scene) => {
      const { talk, held } = await holder(scene, ack, more.version);
      await act(talk, held);
      talk.cut();
      return left(scene);
    },
  };
}

const none = async (): Promise<void> => undefined;
const marked = 'Whatever a consumer held when its connection was lost is marked as redelivered.';

const modes: readonly Behaviour[] = [
  {
    id: 'ack-default',
    says: 'Without `ack`: are messages acknowledged by themselves? 3 are received, the connection is cut; left are',
    observe: async (scene) => {
      const sender = await scene.client();
      for (const body of ['1', '2', '3']) await sender.send(scene.queue(), body);
      const talk = await scene.client();
      await talk.subscribe(scene.queue());
      await talk.messages(3);
      await talk.quiet();
      talk.cut();
      return left(scene);
    },
  },
  afterCut('ack-none', '`ack:client`, nothing acknowledged, connection cut; left are', 'client', none, {
    note: marked,
  }),
  {
    id: 'ack-none-disconnect',
    says: '`ack:client`, nothing acknowledged, DISCONNECT; left are',
    observe: async (scene) => {
      const { talk } = await holder(scene, 'client');
      await talk.disconnect();
      return left(scene);
    },
    note: marked,
  },
  afterCut(
    'ack-client-last',
    '`ack:client`, ACK of `2` of 3, cut; left are',
    'client',
    async (talk, [, two]) => talk.ack(two),
    {
      note: marked,
    },
  ),
  afterCut('ack-client-last-1.1', 'The same in 1.1', 'client', async (talk, [, two]) => talk.ack(two), {
    version: '1.1',
    note: marked,
  }),
  afterCut('ack-client-last-1.0', 'The same in 1.0', 'client', async (talk, [, two]) => talk.ack(two), {
    version: '1.0',
    note: marked,
  }),
  afterCut(
    'ack-individual',
    '`ack:client-individual`, ACK of `2` of 3, cut; left are',
    'client-individual',
    async (talk, [, two]) => talk.ack(two),
    { note: marked },
  ),
  afterCut(
    'ack-individual-backwards',
    '`ack:client-individual`, ACK of `3`, `2`, `1`, cut; left are',
    'client-individual',
    async (talk, [one, two, three]) => {
      await talk.ack(three);
      await talk.ack(two);
      await talk.ack(one);
    },
  ),
];

const corners: readonly Behaviour[] = [
  {
    id: 'ack-client-backwards',
    says: '`ack:client`: ACK of `2`, then of `1`, which it covered',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client');
      await talk.ack(held[1]);
      talk.say('ACK', talk.naming(held[0]));
      return talk.fate();
    },
    note: 'A second ACK of a message does nothing in Lockstep: after a fail-over a client cannot know that its first one was taken.',
  },
  {
    id: 'ack-twice',
    says: '`ack:client-individual`: the same ACK twice',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      await talk.ack(held[0]);
      talk.say('ACK', talk.naming(held[0]));
      return talk.fate();
    },
    note: 'As above.',
  },
  {
    id: 'nack-after-ack',
    says: '`ack:client-individual`: NACK of what has been acknowledged',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      await talk.ack(held[0]);
      talk.say('NACK', talk.naming(held[0]));
      return talk.fate();
    },
    note: 'As above.',
  },
  {
    id: 'ack-of-another',
    says: 'ACK of a message that another connection holds',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      const other = await scene.client();
      other.say('ACK', talk.naming(held[0]));
      return other.fate();
    },
    note: 'To this connection the id is unknown; Lockstep closes after the ERROR.',
  },
  {
    id: 'ack-client-two-subscriptions',
    says: 'Two `ack:client` subscriptions of a connection: ACK of what came last, by the second; left of the first are',
    observe: async (scene) => {
      const sender = await scene.client();
      await sender.send(scene.queue('a'), 'a');
      await sender.send(scene.queue('b'), 'b');
      const talk = await scene.client();
      await talk.subscribe(scene.queue('a'), { ack: 'client' });
      await talk.message();
      await talk.subscribe(scene.queue('b'), { ack: 'client' });
      await talk.ack(await talk.message());
      talk.cut();
      return left(scene, 1, 'a');
    },
    note: "An ACK is cumulative within its own subscription. RabbitMQ's counts for the whole connection.",
  },
  {
    id: 'ack-after-unsubscribe',
    says: 'ACK of a message whose subscription has ended by UNSUBSCRIBE',
    observe: async (scene) => {
      const { talk, id, held } = await holder(scene, 'client-individual');
      await talk.ask('UNSUBSCRIBE', { id });
      talk.say('ACK', talk.naming(held[0]));
      return talk.fate();
    },
    note: 'In Lockstep the message has gone back to the queue with UNSUBSCRIBE, and the ACK does nothing.',
  },
];

const givenBack: readonly Behaviour[] = [
  {
    id: 'unsubscribe-holding',
    says: 'UNSUBSCRIBE while holding 3: what another consumer is given while the connection lives',
    observe: async (scene) => {
      const { talk, id } = await holder(scene, 'client-individual');
      await talk.ask('UNSUBSCRIBE', { id });
      return left(scene);
    },
    note: 'Lockstep and ActiveMQ give back at once what the subscription held, to its old place; RabbitMQ when the connection ends.',
  },
  {
    id: 'resubscribe-holding',
    says: 'The same connection subscribes again after that, and is given',
    observe: async (scene) => {
      const { talk, id } = await holder(scene, 'client-individual');
      await talk.ask('UNSUBSCRIBE', { id });
      await talk.subscribe(scene.queue(), { ack: 'client-individual' });
      return starred(await talk.messages(3));
    },
    note: 'As above.',
  },
  {
    id: 'nack-again',
    says: '`ack:client-individual`, NACK of `2` of 3; the consumer is given',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      await talk.nack(held[1]);
      return starred(await talk.messages(1));
    },
    note: 'ActiveMQ takes a NACK for "never again" and moves the message to its dead letter queue; in Lockstep that is `action:dead-letter`.',
  },
  {
    id: 'nack-cumulative',
    says: '`ack:client`, NACK of `2` of 3; the consumer is given',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client');
      await talk.nack(held[1]);
      return starred(await talk.messages(2));
    },
    note: 'A NACK covers under `ack:client` what an ACK covers (STOMP 1.2, NACK).',
  },
  {
    id: 'nack-other-consumer',
    says: 'NACK, while another consumer waits: who is given it?',
    observe: async (scene) => {
      const sender = await scene.client();
      await sender.send(scene.queue(), '1');
      const first = await scene.client();
      await first.subscribe(scene.queue(), { ack: 'client-individual', ...window(10) });
      const message = await first.message();
      const second = await scene.client();
      await second.subscribe(scene.queue(), { ack: 'client-individual', ...window(10) });
      await first.nack(message);
      await second.messages(1);
      await first.quiet();
      const [again, other] = [first, second].map((talk) => talk.raw.count('MESSAGE'));
      return other === 1 ? 'the other' : again === 2 ? 'the same' : 'nobody';
    },
    note: 'ActiveMQ gives it to nobody again; see above.',
  },
  {
    id: 'nack-requeue-false',
    says: 'NACK with `requeue:false`; the consumer is given',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      await talk.nack(held[0], { requeue: 'false' });
      return starred(await talk.messages(1));
    },
    note: 'RabbitMQ drops it, or hands it to a dead letter exchange; ActiveMQ does not know the header; in Lockstep it is a dead letter.',
  },
  {
    id: 'nack-action-discard',
    says: 'NACK with `action:discard`; the consumer is given',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      await talk.nack(held[0], { action: 'discard' });
      return starred(await talk.messages(1));
    },
    note: '`action` is of Lockstep; others take it for a NACK.',
  },
  {
    id: 'nack-action-delay',
    says: 'NACK with `action:delay` and `delay:400`; the consumer is given',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      await talk.nack(held[0], { action: 'delay', delay: 400 });
      const soon = await talk.endedWithin(100).then(() => talk.raw.count('MESSAGE') > 3);
      const came = starred(await talk.messages(1));
      return came === 'nothing' ? came : `${came} ${soon ? 'at once' : 'later'}`;
    },
    note: '`action` is of Lockstep; others take it for a NACK.',
  },
  {
    id: 'nack-for-ever',
    says: 'A message that is NACKed each time comes, of 12 times,',
    observe: async (scene) => {
      const sender = await scene.client();
      await sender.send(scene.queue(), '1');
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client-individual' });
      let came = 0;
      for (
        let [message] = await talk.messages(1);
        message !== undefined && came < 12;
        [message] = await talk.messages(1)
      ) {
        came++;
        await talk.nack(message);
      }
      return `${came} times`;
    },
    note: "Lockstep gives up after `maxDeliveries`, 6 unless configured, and makes it a dead letter. RabbitMQ's classic queues never give up; ActiveMQ at once.",
  },
  {
    id: 'order-after-nack',
    says: 'Prefetch 1, NACK of `1`, then everything acknowledged: the order in which they come',
    observe: async (scene) => {
      const sender = await scene.client();
      for (const body of ['1', '2', '3']) await sender.send(scene.queue(), body);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client-individual', ...window(1) });
      const came: RawFrame[] = [];
      for (let [message] = await talk.messages(1); message !== undefined; [message] = await talk.messages(1)) {
        came.push(message);
        if (came.length === 1) await talk.nack(message);
        else await talk.ack(message);
      }
      return starred(came);
    },
    note: 'Lockstep, as RabbitMQ, puts a message back in its old place, once the NACK is replicated; what has room by then has gone out before. To ActiveMQ it is a dead letter.',
  },
  {
    id: 'delivery-count',
    says: '`delivery-count` of a message that comes first, and again after a NACK',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      await talk.nack(held[0]);
      const [again] = await talk.messages(1);
      return [held[0], again].map((message) => message?.headers['delivery-count'] ?? 'unsaid').join(', ');
    },
    note: 'A header of Lockstep.',
  },
  {
    id: 'redelivered-id',
    says: 'Has a message that comes again the same `message-id`?',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      talk.cut();
      const other = await scene.client();
      await other.subscribe(scene.queue(), { ack: 'client-individual' });
      const again = await other.message();
      return again.headers['message-id'] === held[0].headers['message-id'] ? 'yes' : 'no';
    },
    note: "RabbitMQ's are of the session; Lockstep's are of the message, in all of the logical broker.",
  },
  {
    id: 'ack-header',
    says: 'Has MESSAGE an `ack` header: 1.2 `ack:client`, 1.2 `ack:auto`, 1.1 `ack:client`?',
    observe: async (scene) => {
      const answers: string[] = [];
      for (const [version, ack] of [
        ['1.2', 'client'],
        ['1.2', 'auto'],
        ['1.1', 'client'],
      ] as const) {
        const talk = await scene.client(version);
        await talk.send(scene.queue(ack + version.at(-1)), 'x');
        await talk.subscribe(scene.queue(ack + version.at(-1)), { ack });
        answers.push((await talk.message()).headers['ack'] === undefined ? 'no' : 'yes');
      }
      return answers.join(', ');
    },
  },
  {
    id: 'ack-by-message-id-1.2',
    says: '1.2: ACK with `message-id` and `subscription`, as in 1.1',
    observe: async (scene) => {
      const { talk, held } = await holder(scene, 'client-individual');
      const { 'message-id': id = '', subscription = '' } = held[0].headers;
      talk.say('ACK', { 'message-id': id, subscription });
      return talk.fate();
    },
    note: '1.2 names a message by `id`; Lockstep closes after the ERROR.',
  },
  {
    id: 'max-deliveries',
    says: 'SUBSCRIBE with `max-deliveries:2`; a message that is NACKed each time comes, of 12 times,',
    observe: async (scene) => {
      const sender = await scene.client();
      await sender.send(scene.queue(), '1');
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client-individual', 'max-deliveries': 2 });
      let came = 0;
      for (
        let [message] = await talk.messages(1);
        message !== undefined && came < 12;
        [message] = await talk.messages(1)
      ) {
        came++;
        await talk.nack(message);
      }
      return `${came} times`;
    },
    note: 'A header of Lockstep.',
  },
  {
    id: 'ack-timeout',
    says: 'SUBSCRIBE with `ack-timeout:500`, nothing acknowledged; another consumer is given',
    observe: async (scene) => {
      const sender = await scene.client();
      await sender.send(scene.queue(), '1');
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client-individual', 'ack-timeout': 500 });
      await talk.message();
      const other = await scene.client();
      await other.subscribe(scene.queue(), { ack: 'client-individual' });
      await talk.endedWithin(700);
      return starred(await other.messages(1));
    },
    note: 'A header of Lockstep, for workers that live and do not work.',
  },
];

const windows: readonly Behaviour[] = [
  {
    id: 'prefetch-1',
    says: '`prefetch-count:1` and `activemq.prefetchSize:1`, 3 messages: without ACK come',
    observe: async (scene) => {
      const sender = await scene.client();
      for (const body of ['1', '2', '3']) await sender.send(scene.queue(), body);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client-individual', ...window(1) });
      return told(await talk.messages(3));
    },
  },
  {
    id: 'prefetch-default',
    says: 'No prefetch, `ack:client-individual`, 3 messages: without ACK come',
    observe: async (scene) => {
      const sender = await scene.client();
      for (const body of ['1', '2', '3']) await sender.send(scene.queue(), body);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client-individual' });
      return told(await talk.messages(3));
    },
    note: 'Lockstep: 1,000 messages and at most 16 MiB.',
  },
  {
    id: 'prefetch-2-client',
    says: 'Prefetch 2, `ack:client`, 5 messages, ACK of `2`: come in all',
    observe: async (scene) => {
      const sender = await scene.client();
      for (const body of ['1', '2', '3', '4', '5']) await sender.send(scene.queue(), body);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), { ack: 'client', ...window(2) });
      const first = await talk.messages(3);
      await talk.ack(first[1]!);
      return told([...first, ...(await talk.messages(3))]);
    },
  },
  {
    id: 'prefetch-auto',
    says: 'Prefetch 1, `ack:auto`, 3 messages: come',
    observe: async (scene) => {
      const sender = await scene.client();
      for (const body of ['1', '2', '3']) await sender.send(scene.queue(), body);
      const talk = await scene.client();
      await talk.subscribe(scene.queue(), window(1));
      return told(await talk.messages(3));
    },
  },
  {
    id: 'share-fairly',
    says: 'Two consumers with prefetch 1 and 2 messages: each has',
    observe: async (scene) => {
      const consumers = [await scene.client(), await scene.client()];
      for (const talk of consumers) await talk.subscribe(scene.queue(), { ack: 'client-individual', ...window(1) });
      const sender = await scene.client();
      for (const body of ['1', '2']) await sender.send(scene.queue(), body);
      await Promise.all(consumers.map(async (talk) => talk.messages(2)));
      return consumers.map((talk) => talk.raw.count('MESSAGE')).join(' and ');
    },
  },
];

export const acknowledgingSection: Section = {
  title: 'Acknowledging',
  behaviours: [...modes, ...corners, ...givenBack, ...windows],
};
