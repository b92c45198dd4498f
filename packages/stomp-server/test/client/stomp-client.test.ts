import { encodeText, silentLog } from '@lockstep/kernel';
import { SimWorld } from '@lockstep/testkit';
import t from 'tap';
import { InputBudget, SessionIds, StompClient, StompConnection } from '../../src/index.ts';
import { defaultFlowOptions, defaultStompLimits } from '../../src/index.ts';
import { ScriptedBroker } from '../connection/support.ts';
import { delivery } from '../session/support.ts';
import type { Effect } from '@lockstep/core';
import type { NodeId } from '@lockstep/kernel';
import type { ReceivedMessage, StompClientError, StompClientOptions } from '../../src/index.ts';

/** Two nodes in front of one scripted broker, and a client elsewhere. */
class ClientBench {
  readonly world: SimWorld = new SimWorld(7);
  readonly broker: ScriptedBroker = new ScriptedBroker();
  readonly #client = this.world.host('client').start();
  readonly events: string[] = [];

  async serve(name: string, port = 61613): Promise<void> {
    const { network, clock, random } = this.world.host(name).start();
    const ids = new SessionIds(name as NodeId, random);
    await this.world.simulation.run(async () => {
      await network.listen({ host: name, port }, (connection) => {
        new StompConnection(connection, this.broker, {
          session: ids.next(),
          self: { server: 'lockstep/test', failover: () => '' },
          limits: defaultStompLimits,
          budget: new InputBudget(Infinity),
          flow: defaultFlowOptions,
          clock,
          log: silentLog,
          onClosed: () => {},
        });
      });
    });
  }

  connect(uri: string, options: Partial<StompClientOptions> = {}): Promise<StompClient> {
    const { network, clock, random } = this.#client;
    return this.run(() =>
      StompClient.connect({
        uri,
        network,
        clock,
        random,
        onConnected: ({ host }) => this.events.push(`connected ${host}`),
        onDisconnected: (error) => this.events.push(`disconnected ${error.code}`),
        onClosed: (error) => this.events.push(`closed ${error === null ? 'clean' : error.code}`),
        ...options,
      }),
    );
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.world.simulation.run(work);
  }

  async pass(ms: number): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + ms);
  }

  async until(goal: () => boolean): Promise<void> {
    t.ok(await this.world.simulation.runUntil(goal, 60_000));
  }
}

const FAILOVER = 'failover:(tcp://one:61613,tcp://two:61613)?randomize=false';

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'fine';
  } catch (error) {
    return (error as StompClientError).code;
  }
}

t.test('sends, and leaves', async () => {
  const bench = new ClientBench();
  await bench.serve('one');
  const client = await bench.connect('tcp://one:61613');
  await bench.run(() => client.send('/queue/a', encodeText('x\0y'), { headers: [['k', 'v:w']] }));
  await bench.run(() => client.send('/queue/a', encodeText('z'), { receipt: false }));
  await bench.run(() => client.disconnect());
  await bench.pass(100);
  t.same(bench.broker.asked, ['send /queue/a "k:v\\\\cw\\n" x\0y', 'send /queue/a "" z', 'endSession clean']);
  t.same(bench.events, ['connected one', 'closed clean']);
  t.equal(await codeOf(client.send('/queue/a', encodeText('late'))), 'closed');
});

t.test('receives, acknowledges, gives back, in and out of a transaction', async () => {
  const bench = new ClientBench();
  await bench.serve('one');
  const client = await bench.connect('tcp://one:61613');
  const messages: ReceivedMessage[] = [];
  await bench.run(() =>
    client.subscribe('/queue/a', (message) => messages.push(message), { ack: 'client-individual' }),
  );
  const { session } = bench.broker;
  bench.broker.give(...[1, 2, 3].map((position) => delivery(session, { position, headerBlock: 'k:v\n' })));
  await bench.until(() => messages.length === 3);
  t.match(messages[0], { messageId: '1', destination: '/queue/a', ackId: '1' });
  t.same(messages[0]!.headers.at(-1), ['k', 'v']);
  await bench.run(() => client.ack(messages[0]!));
  await bench.run(() => client.nack(messages[1]!, 'dead-letter'));
  const transaction = await bench.run(() => client.begin());
  await bench.run(() => client.ack(messages[2]!, transaction));
  await bench.run(() => client.send('/queue/b', encodeText('b'), { transaction }));
  await bench.run(() => client.commit(transaction));
  const other = await bench.run(() => client.begin());
  await bench.run(() => client.abort(other));
  t.same(bench.broker.asked.slice(1), ['settle 1 ack 1', 'settle 1 dead-letter 2', 'commit [/queue/b b] [1 ack 3]']);
  t.equal(await codeOf(client.commit(transaction)), 'lost', 'it is over');
});

t.test('a refusal rejects what it names', async () => {
  const bench = new ClientBench();
  await bench.serve('one');
  const client = await bench.connect('tcp://one:61613');
  t.equal(await bench.run(() => codeOf(client.send('/temp-queue/a', encodeText('x')))), 'refused');
  await bench.pass(100);
  t.same(bench.events, ['connected one', 'disconnected refused', 'closed refused']);
});

t.test('nobody there', async () => {
  const bench = new ClientBench();
  t.equal(await codeOf(bench.connect('tcp://one:61613')), 'unreachable');
  t.equal(await codeOf(bench.connect(`${FAILOVER}&startupMaxReconnectAttempts=3`)), 'unreachable');
});

t.test('fail-over: subscribes again, and sends again what had no receipt, in order', async () => {
  const bench = new ClientBench();
  await bench.serve('one');
  await bench.serve('two');
  const client = await bench.connect(FAILOVER);
  const messages: ReceivedMessage[] = [];
  await bench.run(() => client.subscribe('/queue/a', (message) => messages.push(message), { ack: 'client' }));
  bench.broker.give(delivery(bench.broker.session, { position: 1 }));
  await bench.until(() => messages.length === 1);
  bench.broker.answersAtOnce = false;
  const sends = ['x', 'y'].map((body) => client.send('/queue/b', encodeText(body)));
  const acknowledged = codeOf(client.ack(messages[0]!));
  await bench.until(() => bench.broker.requests.length === 4);
  bench.broker.requests.length = 0;
  bench.broker.answersAtOnce = true;
  bench.world.host('one').kill();
  const during = client.send('/queue/b', encodeText('z'));
  await bench.run(() => Promise.all([...sends, during]));
  t.same(bench.events, ['connected one', 'disconnected lost', 'connected two']);
  const asked = bench.broker.asked.filter((line) => !line.startsWith('endSession'));
  t.match(asked[0], /^subscribe 1 \/queue\/a/);
  t.same(
    asked.slice(1),
    ['x', 'y', 'z'].map((body) => `send /queue/b "" ${body}`),
  );
  t.equal(await acknowledged, 'lost', 'its message comes again');
  t.equal(await codeOf(client.ack(messages[0]!)), 'stale');
});

t.test('a transaction ends with its connection', async () => {
  const bench = new ClientBench();
  await bench.serve('one');
  await bench.serve('two');
  const client = await bench.connect(FAILOVER);
  const transaction = await bench.run(() => client.begin());
  bench.world.host('one').kill();
  await bench.until(() => bench.events.includes('connected two'));
  t.equal(await codeOf(client.commit(transaction)), 'lost');
});

t.test('a subscription that is refused after a fail-over is reported', async () => {
  const bench = new ClientBench();
  await bench.serve('one');
  await bench.serve('two');
  const client = await bench.connect(FAILOVER);
  let ended: StompClientError | null = null;
  await bench.run(() => client.subscribe('/queue/a', () => {}, { onEnded: (error) => (ended = error) }));
  bench.broker.answersAtOnce = false;
  bench.broker.requests.length = 0;
  bench.world.host('one').kill();
  await bench.until(() => bench.broker.asked.some((line) => line.startsWith('subscribe')));
  const request = bench.broker.requests.find(({ type }) => type === 'subscribe')!;
  const refusal = { code: 'overloaded', message: 'too many' } as const;
  const token = 'token' in request ? request.token : 0;
  bench.broker.give({ type: 'reply', session: request.session, token, refusal } satisfies Effect);
  await bench.until(() => ended !== null);
  t.match(ended, { code: 'refused', message: 'SUBSCRIBE /queue/a: too many' });
});

t.test('a broker that is silent is left', async () => {
  const bench = new ClientBench();
  await bench.serve('one');
  await bench.serve('two');
  await bench.connect(FAILOVER, { heartBeatMs: 500 });
  bench.world.host('one').processes[0]!.pause();
  await bench.until(() => bench.events.includes('connected two'));
  t.same(bench.events, ['connected one', 'disconnected lost', 'connected two']);
  await bench.pass(5000);
  t.equal(bench.events.length, 3, 'heart-beats keep the new connection');
});

t.test('a node that takes connections and answers nothing is passed over', async () => {
  const bench = new ClientBench();
  await bench.serve('one');
  await bench.serve('two');
  bench.world.host('one').processes[0]!.pause();
  await bench.connect(FAILOVER, { connectTimeoutMs: 500 });
  t.same(bench.events, ['connected two']);
});
