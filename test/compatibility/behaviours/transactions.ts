import { starred, told } from '../scene.ts';
import type { Scene, Section } from '../scene.ts';
import type { Talk } from '../talk.ts';
import { left } from './acknowledging.ts';

async function begun(scene: Scene): Promise<Talk> {
  const talk = await scene.client();
  await talk.ask('BEGIN', { transaction: 't' });
  return talk;
}

/** No receipts inside: RabbitMQ gives them with COMMIT. */
function sendInside(scene: Scene, talk: Talk, body: string, transaction = 't'): void {
  talk.say('SEND', { destination: scene.queue(), transaction }, body);
}

/** Holds `1`, acknowledges it in a transaction that ends so. */
async function ackInside(scene: Scene, command: 'ACK' | 'NACK', end: 'COMMIT' | 'ABORT' | 'cut'): Promise<Talk> {
  const sender = await scene.client();
  await sender.send(scene.queue(), '1');
  const talk = await begun(scene);
  await talk.subscribe(scene.queue(), { ack: 'client-individual' });
  talk.say(command, { ...talk.naming(await talk.message()), transaction: 't' });
  if (end === 'cut') talk.cut();
  else await talk.ask(end, { transaction: 't' });
  return talk;
}

export const transactionSection: Section = {
  title: 'Transactions',
  behaviours: [
    {
      id: 'transaction-commit',
      says: 'Two SENDs and COMMIT; a consumer is given',
      observe: async (scene) => {
        const talk = await begun(scene);
        sendInside(scene, talk, '1');
        sendInside(scene, talk, '2');
        await talk.ask('COMMIT', { transaction: 't' });
        return left(scene, 2);
      },
    },
    {
      id: 'transaction-open',
      says: 'Two SENDs and no COMMIT; a consumer is given',
      observe: async (scene) => {
        const talk = await begun(scene);
        sendInside(scene, talk, '1');
        sendInside(scene, talk, '2');
        return left(scene, 2);
      },
    },
    {
      id: 'transaction-abort',
      says: 'SEND and ABORT; a consumer is given',
      observe: async (scene) => {
        const talk = await begun(scene);
        sendInside(scene, talk, '1');
        await talk.ask('ABORT', { transaction: 't' });
        return left(scene, 1);
      },
    },
    {
      id: 'transaction-cut',
      says: 'SEND, and the connection is cut; a consumer is given',
      observe: async (scene) => {
        const talk = await begun(scene);
        sendInside(scene, talk, '1');
        await talk.quiet();
        talk.cut();
        return left(scene, 1);
      },
    },
    {
      id: 'transaction-disconnect',
      says: 'SEND, and DISCONNECT; a consumer is given',
      observe: async (scene) => {
        const talk = await begun(scene);
        sendInside(scene, talk, '1');
        await talk.disconnect();
        return left(scene, 1);
      },
    },
    {
      id: 'transaction-and-beside',
      says: 'SEND of `1` inside, of `2` outside, COMMIT: the order',
      observe: async (scene) => {
        const talk = await begun(scene);
        sendInside(scene, talk, '1');
        await talk.send(scene.queue(), '2');
        await talk.ask('COMMIT', { transaction: 't' });
        return left(scene, 2);
      },
    },
    {
      id: 'transaction-two',
      says: 'Two transactions of a connection, interleaved, the second committed first: the order',
      observe: async (scene) => {
        const talk = await begun(scene);
        await talk.ask('BEGIN', { transaction: 'u' });
        sendInside(scene, talk, '1');
        sendInside(scene, talk, '2', 'u');
        sendInside(scene, talk, '3');
        await talk.ask('COMMIT', { transaction: 'u' });
        await talk.ask('COMMIT', { transaction: 't' });
        return left(scene, 3);
      },
    },
    {
      id: 'transaction-name-again',
      says: 'BEGIN with the name of one that was committed',
      observe: async (scene) => {
        const talk = await begun(scene);
        sendInside(scene, talk, '1');
        await talk.ask('COMMIT', { transaction: 't' });
        talk.say('BEGIN', { transaction: 't' });
        return talk.fate();
      },
    },
    {
      id: 'transaction-name-of-another',
      says: 'COMMIT of a transaction of another connection',
      observe: async (scene) => {
        await begun(scene);
        const other = await scene.client();
        other.say('COMMIT', { transaction: 't' });
        return other.fate();
      },
      note: 'Names are of their connection; Lockstep closes after the ERROR.',
    },
    {
      id: 'transaction-ack-commit',
      says: 'ACK inside, COMMIT, connection cut; another consumer is given',
      observe: async (scene) => {
        (await ackInside(scene, 'ACK', 'COMMIT')).cut();
        return left(scene, 1);
      },
    },
    {
      id: 'transaction-ack-cut',
      says: 'ACK inside, connection cut; another consumer is given',
      observe: async (scene) => {
        await ackInside(scene, 'ACK', 'cut');
        return left(scene, 1);
      },
      note: 'Marked as redelivered: it was with a consumer.',
    },
    {
      id: 'transaction-ack-abort',
      says: 'ACK inside, ABORT; the consumer is given',
      observe: async (scene) => starred(await (await ackInside(scene, 'ACK', 'ABORT')).messages(1)),
      note: 'In Lockstep it stays with the consumer, who may acknowledge it again.',
    },
    {
      id: 'transaction-ack-abort-ack',
      says: 'ACK inside, ABORT, ACK again, connection cut; another consumer is given',
      observe: async (scene) => {
        const talk = await ackInside(scene, 'ACK', 'ABORT');
        const [first] = talk.raw.frames.filter(({ command }) => command === 'MESSAGE');
        talk.say('ACK', talk.naming(first!));
        await talk.quiet();
        talk.cut();
        return left(scene, 1);
      },
      note: 'As above.',
    },
    {
      id: 'transaction-nack-commit',
      says: 'NACK inside, COMMIT; the consumer is given',
      observe: async (scene) => starred(await (await ackInside(scene, 'NACK', 'COMMIT')).messages(1)),
      note: 'A NACK is "again" in Lockstep and RabbitMQ, and a dead letter in ActiveMQ.',
    },
    {
      id: 'transaction-nack-abort',
      says: 'NACK inside, ABORT; the consumer is given',
      observe: async (scene) => starred(await (await ackInside(scene, 'NACK', 'ABORT')).messages(1)),
      note: 'ActiveMQ does not take a NACK into the transaction.',
    },
    {
      id: 'transaction-large',
      says: 'A transaction of 500 SENDs: all of them come, in order',
      observe: async (scene) => {
        const talk = await begun(scene);
        const bodies = Array.from({ length: 500 }, (_, i) => String(i));
        for (const body of bodies) sendInside(scene, talk, body);
        await talk.ask('COMMIT', { transaction: 't' });
        const other = await scene.client();
        await other.subscribe(scene.queue());
        const came = (await other.messages(500)).map(({ body }) => body.toString());
        return came.join() === bodies.join() ? 'yes' : `${came.length} come, or in another order`;
      },
    },
    {
      id: 'transaction-two-queues',
      says: 'SENDs to two queues and COMMIT: in both is',
      observe: async (scene) => {
        const talk = await begun(scene);
        for (const name of ['a', 'b']) talk.say('SEND', { destination: scene.queue(name), transaction: 't' }, name);
        await talk.ask('COMMIT', { transaction: 't' });
        return `${await left(scene, 1, 'a')} and ${await left(scene, 1, 'b')}`;
      },
    },
    {
      id: 'transaction-topic',
      says: 'SEND to a topic inside: a subscriber is given, before COMMIT and after',
      observe: async (scene) => {
        const subscriber = await scene.client();
        await subscriber.subscribe(scene.topic());
        const talk = await begun(scene);
        talk.say('SEND', { destination: scene.topic(), transaction: 't' }, '1');
        const before = told(await subscriber.messages(1));
        await talk.ask('COMMIT', { transaction: 't' });
        return `${before}, then ${told(await subscriber.messages(1))}`;
      },
    },
    {
      id: 'transaction-with-fault',
      says: 'A transaction with a SEND without `destination` in it: is the good SEND before it taken by COMMIT?',
      observe: async (scene) => {
        const talk = await begun(scene);
        sendInside(scene, talk, '1');
        talk.say('SEND', { transaction: 't' }, 'lost');
        await talk.error();
        talk.say('COMMIT', { transaction: 't' });
        await talk.quiet();
        return (await left(scene, 1)) === '1' ? 'taken' : 'not taken';
      },
      note: 'After an ERROR the connection is closed, and its transactions are aborted.',
    },
  ],
};
