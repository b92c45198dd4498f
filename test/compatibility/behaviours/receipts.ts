import type { Scene, Section } from '../scene.ts';
import type { Headers, Talk } from '../talk.ts';

/** Says a frame with a receipt, in a session where it makes sense; is the RECEIPT as it should be? */
async function receiptOf(scene: Scene, command: string, prepare: (talk: Talk) => Promise<Headers>): Promise<string> {
  const talk = await scene.client();
  const receipt = await talk.ask(command, await prepare(talk), command === 'SEND' ? 'x' : '');
  return Object.keys(receipt.headers).filter((name) => name !== 'receipt-id').length === 0
    ? 'RECEIPT'
    : 'RECEIPT and more';
}

async function held(scene: Scene, talk: Talk): Promise<Headers> {
  await talk.send(scene.queue(), 'x');
  await talk.subscribe(scene.queue(), { ack: 'client-individual' });
  return talk.naming(await talk.message());
}

async function begun(talk: Talk): Promise<Headers> {
  talk.say('BEGIN', { transaction: 't' });
  return { transaction: 't' };
}

export const receiptSection: Section = {
  title: 'Receipts',
  behaviours: [
    {
      id: 'receipt-send',
      says: 'SEND with `receipt`',
      observe: async (scene) => receiptOf(scene, 'SEND', async () => ({ destination: scene.queue() })),
    },
    {
      id: 'receipt-subscribe',
      says: 'SUBSCRIBE with `receipt`',
      observe: async (scene) => receiptOf(scene, 'SUBSCRIBE', async () => ({ destination: scene.queue(), id: 1 })),
    },
    {
      id: 'receipt-unsubscribe',
      says: 'UNSUBSCRIBE with `receipt`',
      observe: async (scene) =>
        receiptOf(scene, 'UNSUBSCRIBE', async (talk) => ({ id: await talk.subscribe(scene.queue()) })),
    },
    {
      id: 'receipt-ack',
      says: 'ACK with `receipt`',
      observe: async (scene) => receiptOf(scene, 'ACK', async (talk) => held(scene, talk)),
    },
    {
      id: 'receipt-nack',
      says: 'NACK with `receipt`',
      observe: async (scene) => receiptOf(scene, 'NACK', async (talk) => held(scene, talk)),
    },
    {
      id: 'receipt-begin',
      says: 'BEGIN with `receipt`',
      observe: async (scene) => receiptOf(scene, 'BEGIN', async () => ({ transaction: 't' })),
    },
    {
      id: 'receipt-commit',
      says: 'COMMIT with `receipt`',
      observe: async (scene) => receiptOf(scene, 'COMMIT', begun),
    },
    {
      id: 'receipt-abort',
      says: 'ABORT with `receipt`',
      observe: async (scene) => receiptOf(scene, 'ABORT', begun),
    },
    {
      id: 'receipt-disconnect',
      says: 'DISCONNECT with `receipt`; does the server close?',
      observe: async (scene) => {
        const talk = await scene.client();
        await talk.ask('DISCONNECT');
        return (await talk.endedWithin(scene.server.patienceMs)) ? 'RECEIPT, closed' : 'RECEIPT, open';
      },
      note: 'STOMP leaves it to the client to close; a server that does so, too, leaves no socket behind.',
    },
    {
      id: 'receipt-in-transaction',
      says: 'SEND with `receipt` in a transaction, before COMMIT',
      observe: async (scene) => {
        const talk = await scene.client();
        await talk.ask('BEGIN', { transaction: 't' });
        await talk.ask('SEND', { destination: scene.queue(), transaction: 't' }, 'x');
        return 'RECEIPT';
      },
      note: 'RabbitMQ answers at COMMIT. Lockstep answers when the frame is taken into the transaction, since Net::Stomp waits for that; what is durable is told by the receipt of COMMIT.',
    },
    {
      id: 'receipt-connect',
      says: 'CONNECT with `receipt`',
      observe: async (scene) => {
        const talk = await scene.unconnected();
        talk.connect({ receipt: 'r' });
        await talk.quiet();
        return talk.raw.frames.map(({ command }) => command).join(', ');
      },
      note: 'A receipt may be asked for of every client frame but CONNECT.',
    },
    {
      id: 'receipt-escaped',
      says: 'SEND with `receipt:a\\cb`; the header line of RECEIPT',
      observe: async (scene) => {
        const talk = await scene.client();
        talk.say('SEND', { destination: scene.queue(), receipt: 'a\\cb' }, 'x');
        return `\`${(await talk.frame('RECEIPT', ({ command }) => command === 'RECEIPT')).lines.join(' ')}\``;
      },
    },
    {
      id: 'receipt-order',
      says: 'The receipts of 50 SENDs to two queues, without waiting: in their order?',
      observe: async (scene) => {
        const talk = await scene.client();
        const ids = Array.from({ length: 50 }, (_, i) => `r${i}`);
        ids.forEach((receipt, i) =>
          talk.say('SEND', { destination: scene.queue(i % 2 === 0 ? 'a' : 'b'), receipt }, 'x'),
        );
        await Promise.all(ids.map(async (id) => talk.receipt(id)));
        const came = talk.raw.frames.map(({ headers }) => headers['receipt-id']).filter((id) => id !== undefined);
        return came.join() === ids.join() ? 'in order' : 'out of order';
      },
      note: 'Lockstep answers the frames of a connection in their order.',
    },
    {
      id: 'receipt-before-message',
      says: 'SUBSCRIBE with `receipt` to a queue with a message: which frame is first?',
      observe: async (scene) => {
        const talk = await scene.client();
        await talk.send(scene.queue(), 'x');
        await talk.subscribe(scene.queue());
        await talk.message();
        const order = talk.raw.frames.map(({ command }) => command).slice(2);
        return order.join(', ');
      },
      note: 'A client that waits for the receipt before it looks for messages loses none either way.',
    },
    {
      id: 'error-names-receipt',
      says: 'A faulty SEND (no `destination`) with a `receipt`: `receipt-id` of the ERROR',
      observe: async (scene) => {
        const talk = await scene.client();
        talk.say('SEND', { receipt: 'mine' }, 'x');
        return (await talk.error()).headers['receipt-id'] ?? 'no header';
      },
      note: 'STOMP 1.2, ERROR: the frame that is refused is named by its receipt.',
    },
  ],
};
