import type { Behaviour, Scene, Section } from '../scene.ts';
import type { Headers, Talk, Version } from '../talk.ts';

const closes = 'Lockstep closes after every ERROR, as STOMP demands.';

/** A frame in a session; what becomes of that. */
function faulty(
  id: string,
  says: string,
  command: string,
  headers: (scene: Scene, talk: Talk) => Headers | Promise<Headers>,
  more: { readonly version?: Version; readonly note?: string } = {},
): Behaviour {
  return {
    id,
    says,
    note: more.note ?? closes,
    observe: async (scene) => {
      const talk = await scene.client(more.version ?? '1.2');
      talk.say(command, await headers(scene, talk), command === 'SEND' ? 'x' : '');
      return talk.fate();
    },
  };
}

export const errorSection: Section = {
  title: 'What is wrong',
  behaviours: [
    faulty('unknown-command', 'An unknown command', 'SHOUT', () => ({})),
    faulty('lower-case-command', 'A command in small letters: `send`', 'send', (scene) => ({
      destination: scene.queue(),
    })),
    faulty('send-without-destination', 'SEND without `destination`', 'SEND', () => ({})),
    faulty('send-empty-destination', 'SEND with an empty `destination`', 'SEND', () => ({ destination: '' })),
    faulty('send-unnamed-queue', 'SEND to `/queue/`', 'SEND', () => ({ destination: '/queue/' })),
    faulty('send-other-kind', 'SEND to `/shelf/books`', 'SEND', () => ({ destination: '/shelf/books' })),
    faulty(
      'send-bare-name',
      'SEND to a name without a prefix',
      'SEND',
      (scene) => ({ destination: scene.name('bare') }),
      {
        note: 'Lockstep reads `N` as `/queue/N`.',
      },
    ),
    faulty('subscribe-without-id', 'SUBSCRIBE 1.2 without `id`', 'SUBSCRIBE', (scene) => ({
      destination: scene.queue(),
    })),
    faulty(
      'subscribe-without-id-1.0',
      'SUBSCRIBE 1.0 without `id`',
      'SUBSCRIBE',
      (scene) => ({ destination: scene.queue() }),
      {
        version: '1.0',
      },
    ),
    faulty('subscribe-without-destination', 'SUBSCRIBE without `destination`', 'SUBSCRIBE', () => ({ id: 1 })),
    faulty('subscribe-unknown-ack', 'SUBSCRIBE with `ack:maybe`', 'SUBSCRIBE', (scene) => ({
      id: 1,
      destination: scene.queue(),
      ack: 'maybe',
    })),
    faulty(
      'subscribe-twice',
      'SUBSCRIBE with the `id` of another subscription of the connection',
      'SUBSCRIBE',
      async (scene, talk) => {
        await talk.subscribe(scene.queue('a'), { id: 1 });
        return { id: 1, destination: scene.queue('b') };
      },
      { note: 'Two subscriptions of one name cannot be told apart by ACK or UNSUBSCRIBE.' },
    ),
    faulty('unsubscribe-unknown', 'UNSUBSCRIBE with an unknown `id`', 'UNSUBSCRIBE', () => ({ id: 'none' })),
    faulty('ack-unknown', 'ACK of an unknown `id`', 'ACK', () => ({ id: 'none' })),
    faulty('ack-without-id', 'ACK 1.2 without `id`', 'ACK', () => ({})),
    faulty('nack-unknown', 'NACK of an unknown `id`', 'NACK', () => ({ id: 'none' })),
    faulty('nack-1.0', 'NACK in 1.0, which has none', 'NACK', () => ({ 'message-id': 'none' }), { version: '1.0' }),
    faulty(
      'ack-auto',
      'ACK of a message of an `ack:auto` subscription (by its `message-id`)',
      'ACK',
      async (scene, talk) => {
        await talk.send(scene.queue(), 'x');
        await talk.subscribe(scene.queue());
        return { id: (await talk.message()).headers['message-id']! };
      },
    ),
    faulty('begin-without-name', 'BEGIN without `transaction`', 'BEGIN', () => ({})),
    faulty('begin-twice', 'BEGIN of a transaction that is open', 'BEGIN', async (_scene, talk) => {
      await talk.ask('BEGIN', { transaction: 't' });
      return { transaction: 't' };
    }),
    faulty('commit-unknown', 'COMMIT of an unknown transaction', 'COMMIT', () => ({ transaction: 'none' })),
    faulty('abort-unknown', 'ABORT of an unknown transaction', 'ABORT', () => ({ transaction: 'none' })),
    faulty('send-unknown-transaction', 'SEND in an unknown transaction', 'SEND', (scene) => ({
      destination: scene.queue(),
      transaction: 'none',
    })),
    {
      id: 'behind-an-error',
      says: 'A good SEND behind one without `destination`: is it taken?',
      observe: async (scene) => {
        const talk = await scene.client();
        talk.raw.say(`SEND\n\nlost\0SEND\ndestination:${scene.queue()}\n\nbehind\0`);
        await talk.error();
        await talk.quiet();
        const other = await scene.client();
        await other.subscribe(scene.queue());
        return (await other.messages(1)).length === 1 ? 'taken' : 'not taken';
      },
      note: 'A client that has made an error does not know what it said: nothing behind it is taken.',
    },
    {
      id: 'others-go-on',
      says: 'Another connection, beside one that made an error',
      observe: async (scene) => {
        const good = await scene.client();
        const bad = await scene.client();
        bad.say('SHOUT');
        await bad.error();
        await good.send(scene.queue(), 'x');
        return 'goes on';
      },
    },
    {
      id: 'error-has-message',
      says: 'Has ERROR a `message` header, and a `content-type`?',
      observe: async (scene) => {
        const talk = await scene.client();
        talk.say('SHOUT');
        const { headers } = await talk.error();
        return [
          headers['message'] === undefined ? 'no message' : 'message',
          headers['content-type'] === undefined ? 'no content-type' : 'content-type',
        ].join(', ');
      },
    },
  ],
};
