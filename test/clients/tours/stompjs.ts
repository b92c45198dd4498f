import { Client } from '@stomp/stompjs';
import type { IMessage, IStompSocket } from '@stomp/stompjs';
import { TCPWrapper } from '@stomp/tcp-wrapper';
import { WebSocket } from 'ws';

import { Line, moment } from './line.ts';
import type { Arrival, Library, Session } from './tour.ts';

let receipts = 0;

/** Says something with a receipt; resolves when that has come. */
export async function receipted(client: Client, say: (headers: { receipt: string }) => void): Promise<void> {
  const receipt = `r${++receipts}`;
  const come = new Promise<void>((resolve) => client.watchForReceipt(receipt, () => resolve()));
  say({ receipt });
  await come;
}

export function arrivalOf(client: Client, message: IMessage): Arrival {
  return {
    body: message.binaryBody,
    headers: message.headers,
    ack: async (transaction) =>
      receipted(client, (headers) => message.ack(transaction === undefined ? headers : { ...headers, transaction })),
    nack: async () => receipted(client, (headers) => message.nack(headers)),
  };
}

export function begin(client: Client): ReturnType<Session['begin']> {
  const { id } = client.begin();
  const transaction = { transaction: id };
  return {
    id,
    send: (destination, binaryBody) => client.publish({ destination, binaryBody, headers: transaction }),
    // What these two of the library say has no receipt; it is followed by something that has.
    end: async (how) => {
      if (how === 'COMMIT') client.commit(id);
      else client.abort(id);
      await receipted(client, (headers) => client.publish({ destination: '/topic/behind', headers }));
    },
  };
}

/** One port after the other, from the first. */
export type Sockets = (ports: readonly number[]) => () => IStompSocket;

export const tcpSockets: Sockets = (ports) => {
  let next = 0;
  return () => new TCPWrapper('127.0.0.1', ports[next++ % ports.length]!) as unknown as IStompSocket;
};

export const webSockets: Sockets = (ports) => {
  let next = 0;
  return () =>
    new WebSocket(`ws://127.0.0.1:${ports[next++ % ports.length]!}`, ['v12.stomp']) as unknown as IStompSocket;
};

export const connectHeaders = { host: 'test', login: 'test', passcode: 'test' };

export const wrongHeaders = { host: 'test', login: 'test', passcode: 'wrong' };

/** `@stomp/stompjs`, which connects again by itself. */
export const stompJs = (sockets: Sockets): Library => ({
  isRefused: async (port) => {
    const client = new Client({ webSocketFactory: sockets([port]), connectHeaders: wrongHeaders, reconnectDelay: 0 });
    return new Promise((resolve) => {
      client.onConnect = () => resolve(false);
      client.onStompError = () => resolve(true);
      client.activate();
    });
  },
  connect: async (ports, [heartbeatOutgoing, heartbeatIncoming]) => {
    const lost = moment();
    let connected = moment();
    const client = new Client({
      webSocketFactory: sockets(ports),
      connectHeaders,
      heartbeatIncoming,
      heartbeatOutgoing,
      reconnectDelay: 100,
      onConnect: () => connected.come(),
      onWebSocketClose: () => {
        connected = moment();
        lost.come();
      },
      onStompError: ({ headers }) => console.log(`not ok ERROR ${headers['message']}`),
    });
    client.activate();
    await connected.promise;
    const session: Session = {
      send: async (destination, binaryBody, headers = {}) =>
        receipted(client, (receipt) =>
          client.publish({ destination, binaryBody, headers: { ...headers, ...receipt } }),
        ),
      subscribe: (destination, ack) => {
        const line = new Line<Arrival>();
        client.subscribe(destination, (message) => line.push(arrivalOf(client, message)), { ack });
        return async () => line.next();
      },
      begin: () => begin(client),
      lost: lost.promise,
      resumed: async () => {
        while (!client.connected) await connected.promise;
        return session;
      },
      leave: async () => client.deactivate(),
    };
    return session;
  },
});
