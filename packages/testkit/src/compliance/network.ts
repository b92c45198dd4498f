import { NetworkError } from '@lockstep/kernel';
import type { Address, Connection, Listener, Network } from '@lockstep/kernel';
import type { Test } from 'tap';

import { record, Recorder } from './recorder.ts';
import type { RecordedEnd } from './recorder.ts';
import { concat, pattern, sameBytes } from './setup.ts';
import type { MakeSetup, Setup } from './setup.ts';

export interface NetworkSetup extends Setup<Network> {
  /** Where the port may listen and connect to. */
  readonly host: string;
}

const CONNECT_MS = 10_000;

/** More than a system holds for a reader that doesn't read. */
const MANY_CHUNKS = 24;
const LARGE_CHUNK = 1024 * 1024;

interface Fixture {
  readonly network: Network;
  readonly host: string;
  readonly listener: Listener;
  /** A new connection, both its ends. */
  pair(): Promise<{ readonly client: RecordedEnd; readonly server: RecordedEnd }>;
  /** Lets what is under way arrive: some bytes there and back, on a connection of their own. */
  settle(): Promise<void>;
}

type NetworkTest = (t: Test, fixture: Fixture) => Promise<void>;

/** Resolves in turn to the connections that a listener takes. */
class Accepted {
  readonly #taken: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];

  take(connection: Connection): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#taken.push(connection);
    else waiter(connection);
  }

  next(): Promise<Connection> {
    const connection = this.#taken.shift();
    if (connection !== undefined) return Promise.resolve(connection);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}

async function withFixture(network: Network, host: string, body: (fixture: Fixture) => Promise<void>): Promise<void> {
  const open: Connection[] = [];
  const accepted = new Accepted();
  const listener = await network.listen({ host, port: 0 }, (connection) => accepted.take(connection));
  const pair: Fixture['pair'] = async () => {
    const [client, server] = await Promise.all([
      network.connect(listener.address, CONNECT_MS).then(record),
      accepted.next().then(record),
    ]);
    open.push(client.connection, server.connection);
    return { client, server };
  };
  const echo = await network.listen({ host, port: 0 }, (connection) => {
    const end = record(connection);
    end.recorder.onData = (chunk) => void connection.write(chunk);
    open.push(connection);
  });
  const probe = record(await network.connect(echo.address, CONNECT_MS));
  open.push(probe.connection);
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      const wanted = probe.recorder.receivedBytes + 1;
      probe.connection.write(pattern(1));
      await probe.recorder.until(() => probe.recorder.receivedBytes >= wanted);
    }
  };
  try {
    await body({ network, host, listener, pair, settle });
  } finally {
    for (const connection of open) connection.destroy();
    await listener.close();
    await echo.close();
  }
}

async function refusal(t: Test, work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof NetworkError, `a NetworkError, not ${String(error)}`);
  t.match(error, { code });
}

const opening: Readonly<Record<string, NetworkTest>> = {
  async 'port 0 takes a free one and says which'(t, { network, host, listener }) {
    const other = await network.listen({ host, port: 0 }, () => {});
    t.ok(other.address.port > 0);
    t.not(other.address.port, listener.address.port);
    await other.close();
  },

  async 'a port in use is refused to a second listener, until the first is closed'(t, { network, host }) {
    const first = await network.listen({ host, port: 0 }, () => {});
    await refusal(
      t,
      network.listen(first.address, () => {}),
      'in-use',
    );
    await first.close();
    await first.close();
    const second = await network.listen(first.address, () => {});
    t.equal(second.address.port, first.address.port);
    await second.close();
  },

  async 'where nobody listens a connection is refused'(t, { network, host }) {
    const gone = await network.listen({ host, port: 0 }, () => {});
    await gone.close();
    await refusal(t, network.connect(gone.address, CONNECT_MS), 'refused');
  },

  async 'a port that cannot be is refused, not thrown'(t, { network, host }) {
    await t.rejects(network.connect({ host, port: 70_000 }, CONNECT_MS), NetworkError);
  },

  async 'both ends know both addresses'(t, { pair, listener }) {
    const { client, server } = await pair();
    const same = (one: Address, other: Address): boolean => t.same(one, other);
    same(client.connection.remote, server.connection.local);
    same(client.connection.local, server.connection.remote);
    t.equal(client.connection.remote.port, listener.address.port);
  },

  async 'a closed listener takes no more; what it took lives on'(t, { network, pair, listener }) {
    const { client, server } = await pair();
    await listener.close();
    await refusal(t, network.connect(listener.address, CONNECT_MS), 'refused');
    client.connection.write(pattern(10));
    await server.recorder.until(() => server.recorder.receivedBytes === 10);
    sameBytes(t, server.recorder.received, pattern(10), 'bytes');
  },

  async 'what comes before the connection is started is not lost'(t, { network, host, settle }) {
    const accepted = new Accepted();
    const late = await network.listen({ host, port: 0 }, (connection) => accepted.take(connection));
    const client = record(await network.connect(late.address, CONNECT_MS));
    client.connection.write(pattern(1000));
    const connection = await accepted.next();
    await settle();
    const server = record(connection);
    await server.recorder.until(() => server.recorder.receivedBytes === 1000);
    sameBytes(t, server.recorder.received, pattern(1000), 'bytes');
    client.connection.destroy();
    connection.destroy();
    await late.close();
  },
};

const flowing: Readonly<Record<string, NetworkTest>> = {
  async 'bytes keep their order, both ways'(t, { pair }) {
    const { client, server } = await pair();
    const there: Uint8Array[] = [];
    const back: Uint8Array[] = [];
    for (let i = 0; i < 200; i++) {
      there.push(pattern((i * 37) % 3000, i));
      back.push(pattern((i * 53) % 2000, i + 1));
    }
    there.forEach((chunk, i) => {
      client.connection.write(chunk);
      server.connection.write(back[i] as Uint8Array);
    });
    const [wantedThere, wantedBack] = [concat(there), concat(back)];
    await server.recorder.until(() => server.recorder.receivedBytes >= wantedThere.length);
    await client.recorder.until(() => client.recorder.receivedBytes >= wantedBack.length);
    sameBytes(t, server.recorder.received, wantedThere, 'there');
    sameBytes(t, client.recorder.received, wantedBack, 'back');
  },

  async 'received bytes are the receiver’s to keep and to change'(t, { pair }) {
    const { client, server } = await pair();
    server.recorder.onData = (chunk) => chunk.fill(0);
    const sent = pattern(5000);
    for (let i = 0; i < 20; i++) client.connection.write(sent);
    await server.recorder.until(() => server.recorder.receivedBytes === 100_000);
    sameBytes(t, sent, pattern(5000), 'the sender’s bytes');
  },

  async 'a writer is held back while nobody reads, and drained when somebody does'(t, { pair, settle }) {
    const { client, server } = await pair();
    server.connection.pause();
    let refusals = 0;
    for (let i = 0; i < MANY_CHUNKS; i++) if (!client.connection.write(pattern(LARGE_CHUNK, i))) refusals++;
    await settle();
    t.ok(refusals > 0, 'write says when it is enough');
    t.ok(client.connection.bufferedBytes > 0);
    t.equal(client.recorder.drains, 0);
    t.equal(server.recorder.receivedBytes, 0, 'no data while paused');
    let bufferedAtDrain = -1;
    client.recorder.onDrain = () => {
      bufferedAtDrain = client.connection.bufferedBytes;
    };
    server.connection.resume();
    await client.recorder.until(() => client.recorder.drains === 1);
    t.equal(bufferedAtDrain, 0);
    await server.recorder.until(() => server.recorder.receivedBytes === MANY_CHUNKS * LARGE_CHUNK);
    const wanted = concat(Array.from({ length: MANY_CHUNKS }, (_, i) => pattern(LARGE_CHUNK, i)));
    sameBytes(t, server.recorder.received, wanted, 'nothing lost');
    t.equal(client.connection.write(pattern(1)), true, 'and it takes more');
  },

  async 'a pause from within data holds back the next'(t, { pair, settle }) {
    const { client, server } = await pair();
    server.recorder.onData = () => server.connection.pause();
    for (let i = 0; i < 100; i++) client.connection.write(pattern(10_000, i));
    await server.recorder.until(() => server.recorder.chunks.length === 1);
    await settle();
    t.equal(server.recorder.chunks.length, 1);
    server.recorder.onData = () => {};
    server.connection.resume();
    await server.recorder.until(() => server.recorder.receivedBytes === 1_000_000);
    t.ok(server.recorder.chunks.length > 1);
  },

  async 'corked writes go out with the last uncork'(t, { pair, settle }) {
    const { client, server } = await pair();
    client.connection.cork();
    client.connection.write(pattern(10, 1));
    client.connection.cork();
    client.connection.write(pattern(20, 2));
    client.connection.uncork();
    await settle();
    t.equal(server.recorder.receivedBytes, 0);
    client.connection.write(new Uint8Array(0));
    client.connection.write(pattern(30, 3));
    client.connection.uncork();
    await server.recorder.until(() => server.recorder.receivedBytes === 60);
    sameBytes(t, server.recorder.received, concat([pattern(10, 1), pattern(20, 2), pattern(30, 3)]), 'bytes');
  },
};

const closing: Readonly<Record<string, NetworkTest>> = {
  async 'one side may end and still receive'(t, { pair }) {
    const { client, server } = await pair();
    client.connection.write(pattern(LARGE_CHUNK, 1));
    client.connection.end();
    let receivedAtEnd = -1;
    server.recorder.onEnd = () => {
      receivedAtEnd = server.recorder.receivedBytes;
    };
    await server.recorder.until(() => server.recorder.ends === 1);
    t.equal(receivedAtEnd, LARGE_CHUNK, 'the end comes behind all that was written');
    t.equal(client.recorder.closes.length, 0);
    server.connection.write(pattern(LARGE_CHUNK, 2));
    await client.recorder.until(() => client.recorder.receivedBytes === LARGE_CHUNK);
    t.equal(server.recorder.closes.length, 0);
    server.connection.end();
    await client.recorder.until(() => client.recorder.closes.length > 0);
    await server.recorder.until(() => server.recorder.closes.length > 0);
    t.same([client.recorder.ends, server.recorder.ends], [1, 1]);
    t.same([client.recorder.closes, server.recorder.closes], [[null], [null]], 'in good order');
  },

  async 'the end is not announced before a paused reader has read on'(t, { pair, settle }) {
    const { client, server } = await pair();
    server.connection.pause();
    client.connection.write(pattern(10));
    client.connection.end();
    await settle();
    t.same([server.recorder.receivedBytes, server.recorder.ends], [0, 0]);
    server.connection.resume();
    await server.recorder.until(() => server.recorder.ends === 1);
    t.equal(server.recorder.receivedBytes, 10);
  },

  async 'after end a write does nothing'(t, { pair }) {
    const { client, server } = await pair();
    client.connection.write(pattern(10));
    client.connection.end();
    client.connection.end();
    client.connection.write(pattern(99));
    await server.recorder.until(() => server.recorder.ends === 1);
    t.equal(server.recorder.receivedBytes, 10);
    server.connection.end();
    await client.recorder.until(() => client.recorder.closes.length > 0);
    t.same(client.recorder.closes, [null]);
  },

  async 'destroy closes at once and is told once; the other side learns of it'(t, { pair, settle }) {
    const { client, server } = await pair();
    server.recorder.onEnd = () => server.connection.end();
    client.connection.destroy();
    t.equal(client.recorder.closes.length, 0, 'not in the call itself');
    client.connection.destroy();
    await client.recorder.until(() => client.recorder.closes.length > 0);
    await server.recorder.until(() => server.recorder.closes.length > 0);
    client.connection.write(pattern(10));
    client.connection.cork();
    client.connection.uncork();
    client.connection.pause();
    client.connection.resume();
    client.connection.end();
    client.connection.destroy();
    server.connection.write(pattern(10));
    await settle();
    t.same(client.recorder.closes, [null]);
    t.equal(server.recorder.closes.length, 1);
    t.equal(client.connection.bufferedBytes, 0);
  },

  async 'destroy from within data is the last that is heard of it'(t, { pair }) {
    const { client, server } = await pair();
    server.recorder.onData = () => server.connection.destroy();
    for (let i = 0; i < 100; i++) client.connection.write(pattern(10_000, i));
    await server.recorder.until(() => server.recorder.closes.length > 0);
    t.equal(server.recorder.chunks.length, 1);
    t.same(server.recorder.closes, [null]);
  },

  async 'destroy from within data is the last, also where much was waiting'(t, { network, host, settle }) {
    const accepted = new Accepted();
    const late = await network.listen({ host, port: 0 }, (connection) => accepted.take(connection));
    const client = record(await network.connect(late.address, CONNECT_MS));
    const connection = await accepted.next();
    for (let i = 0; i < 5; i++) {
      client.connection.write(pattern(1000));
      await settle();
    }
    const recorder = new Recorder();
    recorder.onData = () => connection.destroy();
    connection.start(recorder);
    await recorder.until(() => recorder.closes.length > 0);
    t.equal(recorder.chunks.length, 1);
    client.connection.destroy();
    await late.close();
  },

  async 'writing to a side that is gone ends in a reset'(t, { pair, settle }) {
    const { client, server } = await pair();
    server.connection.destroy();
    while (client.recorder.closes.length === 0) {
      client.connection.write(pattern(1000));
      await settle();
    }
    t.match(client.recorder.closes, [{ code: 'reset' }]);
    t.equal(client.recorder.closes.length, 1);
  },
};

/** What every `Network` does, as far as one host alone can show it. */
export function networkCompliance(t: Test, make: MakeSetup<NetworkSetup>): void {
  for (const [name, body] of Object.entries({ ...opening, ...flowing, ...closing })) {
    t.test(name, async (t) => {
      const { port, host, run } = await make(t);
      await run(() => withFixture(port, host, (fixture) => body(t, fixture)));
    });
  }
}
