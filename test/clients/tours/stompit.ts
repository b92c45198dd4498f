import stompit from 'stompit';
import type { Client, IncomingMessage } from 'stompit';

import { Line, moment } from './line.ts';
import type { Arrival, Library, Session } from './tour.ts';

async function receipted(say: (onReceipt: () => void) => void): Promise<void> {
  return new Promise((resolve) => say(resolve));
}

function arrivalOf(client: Client, message: IncomingMessage, body: Uint8Array): Arrival {
  return {
    body,
    headers: message.headers,
    ack: async (transaction) =>
      receipted((onReceipt) => client.ack(message, transaction === undefined ? {} : { transaction }, { onReceipt })),
    nack: async () => receipted((onReceipt) => client.nack(message, {}, { onReceipt })),
  };
}

function sessionOf(client: Client, resumed: () => Promise<Session>): Session {
  const lost = moment();
  client.on('error', lost.come);
  client.on('close', lost.come);
  return {
    send: async (destination, body, headers = {}) =>
      receipted((onReceipt) =>
        client.send({ ...headers, destination, 'content-length': body.length }, { onReceipt }).end(body),
      ),
    subscribe: (destination, ack) => {
      const line = new Line<Arrival>();
      client.subscribe({ destination, ack }, (error, message) => {
        if (error !== null) return;
        const chunks: Uint8Array[] = [];
        message.on('data', (chunk: Uint8Array) => chunks.push(chunk));
        message.on('end', () => line.push(arrivalOf(client, message, Buffer.concat(chunks))));
      });
      return async () => line.next();
    },
    begin: () => {
      const transaction = client.begin();
      return {
        id: String(transaction.id),
        send: (destination, body) => transaction.send({ destination }).end(body),
        end: async (how) =>
          receipted((onReceipt) => {
            if (how === 'COMMIT') transaction.commit({ onReceipt });
            else transaction.abort({ onReceipt });
          }),
      };
    },
    lost: lost.promise,
    resumed,
    leave: async () => new Promise((resolve) => client.disconnect(() => resolve())),
  };
}

/** `stompit`, whose fail-over makes a new client of the next server. */
export const stompIt: Library = {
  isRefused: async (port) => {
    const connectHeaders = { host: 'test', login: 'test', passcode: 'wrong' };
    // stompit 1.0.0 tells its client only that the connection ended: what an ERROR with a text says it throws where nobody can catch it
    // (`onError` of its Client.js means the client by `this`, which is the frame there).
    process.once('uncaughtException', () => undefined);
    return new Promise((resolve) => {
      stompit.connect({ host: '127.0.0.1', port, connectHeaders }, (error) => resolve(error !== null));
    });
  },
  connect: async (ports, heartBeats) => {
    const connectHeaders = {
      host: 'test',
      login: 'test',
      passcode: 'test',
      'heart-beat': heartBeats.join(),
    };
    const servers = ports.map((port) => `tcp://127.0.0.1:${port}`).join(',');
    const options = {
      randomize: false,
      initialReconnectDelay: 100,
      useExponentialBackOff: false,
      connect: { connectHeaders },
    };
    const failover = new stompit.ConnectFailover(`failover:(${servers})`, options);
    return new Promise((resolve, reject) => {
      const line = new Line<Session>();
      failover.connect((error, client, reconnect) => {
        if (error !== null) return reject(error);
        const resumed = async (): Promise<Session> => {
          reconnect();
          return line.next();
        };
        const session = sessionOf(client, resumed);
        line.push(session);
      });
      void line.next().then(resolve);
    });
  },
};
