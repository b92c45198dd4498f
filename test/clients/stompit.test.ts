import stompit from 'stompit';
import type { Client, IncomingMessage } from 'stompit';
import t from 'tap';
import type { Test } from 'tap';

import { ProcessCluster } from '../harness/process-cluster.ts';

async function open(port: number): Promise<Client> {
  const connectHeaders = { host: 'test', login: 'test', passcode: 'test', 'heart-beat': '1000,1000' };
  return new Promise((resolve, reject) => {
    stompit.connect({ host: '127.0.0.1', port, connectHeaders }, (error, client) => {
      if (error === null) resolve(client);
      else reject(error);
    });
  });
}

async function receipted(send: (onReceipt: () => void) => void): Promise<void> {
  return new Promise((resolve) => send(resolve));
}

interface Arrival {
  readonly message: IncomingMessage;
  readonly body: string;
}

/** Subscribes; each call of what it returns waits for the next message. */
function subscribe(client: Client, destination: string, ack: string): () => Promise<Arrival> {
  const arrived: Arrival[] = [];
  const waiting: ((arrival: Arrival) => void)[] = [];
  client.subscribe({ destination, ack }, (error, message) => {
    if (error !== null) return;
    message.readString('utf-8', (failure, body) => {
      if (failure !== null || body === undefined) return;
      const waiter = waiting.shift();
      if (waiter === undefined) arrived.push({ message, body });
      else waiter({ message, body });
    });
  });
  return async () => {
    const first = arrived.shift();
    return first ?? new Promise((resolve) => waiting.push(resolve));
  };
}

async function tour(t: Test, port: number, destination: string): Promise<void> {
  const client = await open(port);
  client.on('error', (error: Error) => t.fail(error.message));
  await receipted((onReceipt) => client.send({ destination, kind: 'a:b' }, { onReceipt }).end('one'));
  const next = subscribe(client, destination, 'client-individual');
  const first = await next();
  t.equal(first.body, 'one');
  t.equal(first.message.headers['kind'], 'a:b', 'a header comes out as it went in');
  client.nack(first.message);
  const again = await next();
  t.equal(again.message.headers['message-id'], first.message.headers['message-id'], 'NACK brings it again');
  t.equal(again.message.headers['redelivered'], 'true');
  await receipted((onReceipt) => client.ack(again.message, {}, { onReceipt }));

  const committed = client.begin();
  committed.send({ destination }).end('two');
  committed.send({ destination }).end('three');
  await receipted((onReceipt) => committed.commit({ onReceipt }));
  const two = await next();
  const three = await next();
  t.same([two.body, three.body], ['two', 'three'], 'committed messages come in order');

  const aborted = client.begin();
  aborted.send({ destination }).end('never');
  client.ack(two.message, { transaction: aborted.id });
  await receipted((onReceipt) => aborted.abort({ onReceipt }));
  client.ack(two.message);
  client.ack(three.message);
  await receipted((onReceipt) => client.send({ destination }, { onReceipt }).end('four'));
  const four = await next();
  t.equal(four.body, 'four', 'an aborted message never comes');
  await receipted((onReceipt) => client.ack(four.message, {}, { onReceipt }));
  await new Promise((resolve) => client.disconnect(resolve));
}

t.test('stompit at every node of a cluster', async (t) => {
  const cluster = await ProcessCluster.start();
  t.teardown(async () => cluster.stop());
  await cluster.settled();
  for (const node of cluster.nodes) {
    await t.test(`node ${node.id}`, async (t) => tour(t, node.stompPort, `/queue/stompit-${node.id}`));
  }
});
