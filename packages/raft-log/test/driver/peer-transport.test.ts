import { encodeText, silentLog } from '@lockstep/kernel';
import type { Connection, Log, MutualTls, Network, NodeId } from '@lockstep/kernel';
import { SimWorld } from '@lockstep/testkit';
import type { SimProcess } from '@lockstep/testkit';
import t from 'tap';

import type { Hello, LocalIdentity, MemberState } from '../../src/driver/peers/hello.ts';
import type { PeerMessage } from '../../src/driver/peers/messages.ts';
import { PeerTransport } from '../../src/driver/peers/peer-transport.ts';
import type { Entry } from '../../src/node/types.ts';

const port = 7000;

let runs = 0;

/** One node's transport, and what it was told. */
class Station {
  readonly process: SimProcess;
  readonly heard: { from: NodeId; message: PeerMessage }[] = [];
  readonly greeted: Hello[] = [];
  readonly reachable: NodeId[] = [];
  readonly gone: { peer: NodeId; atMs: number }[] = [];
  readonly channels: { connection: Connection; from: string }[] = [];
  readonly warnings: string[] = [];
  readonly removedBy: NodeId[] = [];
  /** Who wants to know when what it wrote has been taken. */
  readonly told: (() => void)[] = [];
  tls: MutualTls | null = null;
  leading = false;
  identity: LocalIdentity;
  transport!: PeerTransport;

  constructor(process: SimProcess, overrides: Partial<LocalIdentity> = {}) {
    this.process = process;
    const node = process.host.name as NodeId;
    this.identity = {
      broker: 'east',
      node,
      clusterId: 'x1',
      state: 'founded' as MemberState,
      incarnation: `${node}1`,
      about: '',
      levels: { min: 1, max: 2 },
      level: 1,
      witness: false,
      run: `${node} ${runs++}`,
      ...overrides,
    };
  }

  async open(members: readonly string[], secret: string | null): Promise<this> {
    const { clock, random } = this.process;
    const network = noting(certifying(this.process.network), this.told);
    const others = members.filter((name) => name !== this.process.host.name);
    const log: Log = { ...silentLog, warn: (text) => this.warnings.push(text) };
    this.transport = await PeerTransport.open(
      {
        local: () => this.identity,
        peers: new Map(others.map((name) => [name as NodeId, { host: name, port }])),
        listen: { host: '0.0.0.0', port },
        secret: secret === null ? null : encodeText(secret),
        tls: this.tls,
        clock,
        random,
        network,
        log,
        parseRecords: (bytes) => (bytes[0] === 0 ? null : [record(bytes.length)]),
        frameBytesMax: 4 * 1024 * 1024,
        bufferedBytesMax: 256 * 1024,
      },
      {
        message: (message, from) => this.heard.push({ from, message }),
        reachable: (peer) => this.reachable.push(peer),
        nobodyListens: (peer) => this.gone.push({ peer, atMs: this.process.host.world.simulation.nowMs }),
        greeted: (hello) => this.greeted.push(hello),
        judged: () => {},
        removed: (by) => this.removedBy.push(by),
        acceptsChannels: () => this.leading,
        channel: (connection, from) => this.channels.push({ connection, from }),
      },
    );
    const tick = (): void => {
      this.transport.tick(100);
      clock.setTimer(100, tick);
    };
    tick();
    return this;
  }
}

const noBytes = new Uint8Array(0);
const anyTls: MutualTls = { cert: noBytes, key: noBytes, ca: noBytes };
/** What the certificates of hosts say that have other than their own name in it. */
const otherNames = new Map<string, readonly string[]>();

/** The network with TLS as far as the transport sees it. */
function certifying(network: Network): Network {
  const certified = (connection: Connection): Connection =>
    Object.assign(connection, {
      certifiedNames: otherNames.get(connection.remote.host) ?? [`CN:${connection.remote.host}`],
    });
  return {
    listen: (address, onConnection, tls) =>
      network.listen(address, (connection) => onConnection(tls === undefined ? connection : certified(connection))),
    connect: async (address, timeoutMs, tls) => {
      const connection = network.connect(address, timeoutMs);
      return tls === undefined ? connection : connection.then(certified);
    },
  };
}

/** Keeps what a connection is to call, and does not call it: simulated connections never do. */
function noting(network: Network, told: (() => void)[]): Network {
  return {
    listen: (address, onConnection, tls) => network.listen(address, onConnection, tls),
    connect: async (address, timeoutMs, tls) => {
      const connection = await network.connect(address, timeoutMs, tls);
      const write = connection.write.bind(connection);
      connection.write = (chunk, taken) => {
        if (taken !== undefined) told.push(taken);
        return write(chunk);
      };
      return connection;
    },
  };
}

function record(bytes: number): Entry {
  return { index: 1, term: 1, kind: 1, record: new Uint8Array(bytes).fill(7) };
}

const node = (name: string): NodeId => name as NodeId;
const heartbeat = (from: string, to: string, round: number): PeerMessage => ({
  type: 'heartbeat',
  from: node(from),
  to: node(to),
  term: 3,
  commitIndex: 5,
  round,
  admitIndex: null,
  releasedIndex: 0,
});

type Secrets = readonly [string | null, string | null];

async function pair(seed: number, secrets: Secrets, b: Partial<LocalIdentity> = {}, a: Partial<LocalIdentity> = {}) {
  const world = new SimWorld(seed);
  const first = await new Station(world.host('a').start(), a).open(['a', 'b'], secrets[0]);
  const second = await new Station(world.host('b').start(), b).open(['a', 'b'], secrets[1]);
  return { world, a: first, b: second };
}

t.test('messages pass both ways once both have proved themselves', async (t) => {
  const { world, a, b } = await pair(1, ['s', 's']);
  await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
  a.transport.send(node('b'), heartbeat('a', 'b', 9));
  const append = { type: 'append', from: node('b'), to: node('a'), term: 3, commitIndex: 0 } as const;
  const entries = [record(40_000)];
  b.transport.send(node('a'), { ...append, previousIndex: 0, previousTerm: 0, entries });
  a.transport.flush();
  b.transport.flush();
  await world.simulation.runUntil(() => a.heard.length > 0 && b.heard.length > 0, 1000);
  t.same(b.heard, [{ from: 'a', message: heartbeat('a', 'b', 9) }]);
  const got = a.heard[0]?.message;
  t.equal(got?.type === 'append' && got.entries[0]?.record.length, 40_000);
  t.same(a.warnings, []);
});

t.test('who sends records hears from the connection when their memory is free, once for each answer', async (t) => {
  const { world, a, b } = await pair(1, ['s', 's']);
  await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
  const free: number[] = [];
  const answer = { type: 'records', from: 1, next: 2, appliedIndex: 3, lacking: [], checksum: 4 } as const;
  const records = (request: number): PeerMessage => {
    const bytes = new Uint8Array(100_000 * request).fill(request);
    return { ...answer, request, bytes, taken: () => free.push(request) };
  };
  a.transport.send(node('b'), records(1));
  a.transport.send(node('b'), heartbeat('a', 'b', 9));
  a.transport.send(node('b'), records(2));
  a.transport.flush();
  t.equal(a.told.length, 2);
  t.same(free, [], 'the connection says so, nobody else');
  a.told.forEach((taken) => taken());
  t.same(free, [1, 2]);
  await world.simulation.runUntil(() => b.heard.length > 2, 1000);
  t.same(
    b.heard.map(({ message }) => message.type === 'records' && [message.request, message.bytes.length]),
    [[1, 100_000], false, [2, 200_000]],
  );
  a.transport.send(node('b'), heartbeat('a', 'b', 10));
  a.transport.flush();
  t.equal(a.told.length, 2);
});

t.test('what does not belong together stays apart, and says so once', async (t) => {
  const cases: [string, readonly [string | null, string | null], Partial<LocalIdentity>, RegExp][] = [
    ['another secret', ['s', 'other'], {}, /secret/],
    ['no secret against one', ['s', null], {}, /secret/],
    ['another logical broker', ['s', 's'], { broker: 'west' }, /logical broker west/],
    ['another cluster', [null, null], { clusterId: 'x2' }, /cluster x2/],
    ['another node id', [null, null], { node: node('c') }, /node c/],
    [
      'a newer program alone',
      [null, null],
      { levels: { min: 3, max: 4 } },
      /no level below 3, and this node none above 2/,
    ],
  ];
  for (const [name, secrets, overrides, pattern] of cases) {
    const { world, a, b } = await pair(2, secrets, overrides);
    await world.simulation.runUntil(60_000);
    t.same([a.reachable, b.reachable, a.heard, b.heard], [[], [], [], []], `${name}: no link`);
    t.match(a.warnings.join('\n'), pattern, name);
    t.ok(a.warnings.length <= 2, `${name}: ${a.warnings.length} warnings in a minute`);
  }
});

t.test('a killed process is known to be gone within milliseconds; a cut is not death', async (t) => {
  const { world, a, b } = await pair(3, [null, null]);
  await world.simulation.runUntil(5000);
  a.gone.length = 0;
  world.host('b').kill();
  const killedAt = world.simulation.nowMs;
  t.ok(await world.simulation.runUntil(() => a.gone.length > 0, 1000));
  const took = (a.gone[0]?.atMs ?? Infinity) - killedAt;
  t.comment(`known after ${took.toFixed(2)} ms`);
  t.ok(took < 50, `${took} ms`);
  t.equal(b.process.state, 'dead');

  const again = await pair(4, [null, null]);
  await again.world.simulation.runUntil(5000);
  again.a.gone.length = 0;
  again.world.wires.cut('a', 'b');
  await again.world.simulation.runUntil(60_000);
  t.same(again.a.gone, []);
  again.world.wires.healAll();
  again.a.reachable.length = 0;
  t.ok(await again.world.simulation.runUntil(() => again.a.reachable.length > 0, 5000), 'found again');
});

t.test('what strangers send does nothing but close their connection', async (t) => {
  const { world, a, b } = await pair(5, ['s', 's']);
  await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
  const stranger = world.host('z').start();
  const floods = [
    new Uint8Array(100_000).fill(255),
    new Uint8Array([0, 0, 0, 1, 3]),
    encodeText('GET / HTTP/1.1\r\n\r\n'),
    new Uint8Array([0, 0, 0, 9, 1, 76, 75, 83, 80, 0, 1, 0, 2]),
    new Uint8Array([0, 0, 0, 0]),
    new Uint8Array(2),
  ];
  for (const bytes of floods) {
    let closed = false;
    const connection = await world.simulation.run(() =>
      stranger.network.connect({ host: 'a', port }, 1000).then((made) => {
        made.start({ data() {}, drain() {}, end: () => made.end(), close: () => (closed = true) });
        return made;
      }),
    );
    connection.write(bytes);
    t.ok(await world.simulation.runUntil(() => closed, 5000), `closed after ${bytes.length} bytes`);
  }
  a.transport.send(node('b'), heartbeat('a', 'b', 1));
  a.transport.flush();
  t.ok(await world.simulation.runUntil(() => b.heard.length > 0, 1000), 'the others are undisturbed');
  t.ok(a.warnings.length <= 1);
});

t.test('a member that sends what is no message loses its connection, and gets it back', async (t) => {
  const { world, a, b } = await pair(6, [null, null]);
  await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
  b.reachable.length = 0;
  const damaged = { index: 1, term: 1, kind: 1, record: new Uint8Array(10) } as const;
  const append = { type: 'append', from: node('b'), to: node('a'), term: 3, commitIndex: 0 } as const;
  b.transport.send(node('a'), { ...append, previousIndex: 0, previousTerm: 0, entries: [damaged] });
  b.transport.flush();
  t.ok(await world.simulation.runUntil(() => b.reachable.length > 0, 5000));
  t.same(a.heard, []);
  t.match(a.warnings, ['closed the connection from node b: it sent what is no message']);
});

t.test(
  'a peer that takes nothing in gets no entries beyond the bound, and is told of when it does again',
  async (t) => {
    const { world, a, b } = await pair(7, [null, null]);
    await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
    a.reachable.length = 0;
    b.process.pause();
    const append = { type: 'append', from: node('a'), to: node('b'), term: 3, commitIndex: 0 } as const;
    for (let turn = 0; turn < 100; turn += 1) {
      a.transport.send(node('b'), { ...append, previousIndex: 0, previousTerm: 0, entries: [record(50_000)] });
      a.transport.send(node('b'), heartbeat('a', 'b', turn));
      a.transport.flush();
    }
    await world.simulation.runUntil(world.simulation.nowMs + 100);
    b.process.resume();
    t.ok(await world.simulation.runUntil(() => a.reachable.length > 0, 5000), 'told that there is room again');
    await world.simulation.runUntil(world.simulation.nowMs + 100);
    const appends = b.heard.filter(({ message }) => message.type === 'append').length;
    t.ok(appends > 0 && appends < 10, `${appends} appends`);
    t.equal(b.heard.filter(({ message }) => message.type === 'heartbeat').length, 100, 'heartbeats always go');
  },
);

t.test('a channel leads to the node that leads, and to no other', async (t) => {
  const { world, a, b } = await pair(8, ['s', 's']);
  await t.rejects(
    world.simulation.run(() => a.transport.dialChannel(node('b'))),
    /does not lead/,
  );
  b.leading = true;
  const tunnel = await world.simulation.run(() =>
    a.transport.dialChannel(node('b')).then((made) => {
      made.write(encodeText('CONNECT'));
      return made;
    }),
  );
  await world.simulation.runUntil(() => b.channels.length > 0, 1000);
  await world.simulation.runUntil(world.simulation.nowMs + 100);
  const client = b.channels[0];
  t.equal(client?.from, 'a');
  let text = '';
  let answer = '';
  let closed = false;
  client?.connection.start({
    data: (chunk) => {
      text += Buffer.from(chunk).toString();
      client.connection.write(encodeText('CONNECTED'));
    },
    drain() {},
    end: () => client.connection.end(),
    close: () => (closed = true),
  });
  await world.simulation.runUntil(() => text.length === 7, 1000);
  t.equal(text, 'CONNECT');
  tunnel.start({ data: (chunk) => (answer += Buffer.from(chunk).toString()), drain() {}, end() {}, close() {} });
  await world.simulation.runUntil(() => answer.length === 9, 1000);
  t.equal(answer, 'CONNECTED');
  tunnel.end();
  t.ok(await world.simulation.runUntil(() => closed, 1000));
});

t.test('under TLS a node is who its certificate says, and no other', async (t) => {
  const cases: [readonly string[], boolean][] = [
    [['CN:b'], true],
    [['CN:x.example', 'DNS:b'], true],
    [['CN:x', 'URI:lockstep://east/b'], true],
    [['CN:x', 'URI:lockstep://west/b', 'URI:lockstep://east/b'], true],
    [['CN:x', 'URI:https://b'], false],
    [['CN:c'], false],
    [[], false],
    [['CN:b', 'URI:lockstep://east/c'], false],
    [['CN:b', 'URI:lockstep://west/b'], false],
  ];
  t.teardown(() => otherNames.clear());
  for (const [names, welcome] of cases) {
    const world = new SimWorld(`tls ${names.join()}`);
    otherNames.set('b', names);
    const stations = ['a', 'b'].map((name) => Object.assign(new Station(world.host(name).start()), { tls: anyTls }));
    for (const station of stations) await station.open(['a', 'b'], null);
    await world.simulation.runUntil(60_000);
    const [a, b] = stations as [Station, Station];
    t.same([a.reachable, b.reachable], welcome ? [['b'], ['a']] : [[], []], names.join());
    if (welcome) t.same(a.warnings, []);
    else
      t.match(a.warnings.join('\n'), new RegExp(`node b, but its certificate is for ${names.join(', ') || 'no name'}`));
    t.ok(a.warnings.length <= 2, `${a.warnings.length} warnings in a minute`);
  }
});

t.test('a node of the first level is met with its own hello, until that level is no longer in use', async (t) => {
  const first = { levels: { min: 1, max: 1 } };
  const { world, a, b } = await pair(9, ['s', 's'], first);
  await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
  t.same([a.warnings, a.greeted[0]?.levels, b.greeted[0]?.levels], [[], { min: 1, max: 1 }, { min: 1, max: 1 }]);
  // What it could not read is not sent to it: it would take that for a fault.
  a.transport.send(node('b'), { type: 'snapshotWorking', index: 7 });
  a.transport.send(node('b'), heartbeat('a', 'b', 4));
  a.transport.flush();
  t.ok(await world.simulation.runUntil(() => b.heard.length > 0, 1000));
  await world.simulation.runUntil(world.simulation.nowMs + 100);
  t.same(b.heard, [{ from: 'a', message: heartbeat('a', 'b', 4) }]);
  b.leading = true;
  const tunnel = await world.simulation.run(() => a.transport.dialChannel(node('b')));
  tunnel.start({ data() {}, drain() {}, end() {}, close() {} });
  tunnel.destroy();

  const late = await pair(10, ['s', 's'], first, { level: 2 });
  await late.world.simulation.runUntil(60_000);
  t.same([late.a.reachable, late.b.reachable], [[], []]);
  for (const { warnings } of [late.a, late.b]) {
    t.match(warnings.join('\n'), /it speaks no level above 1, and level 2 is in use: it needs a newer program/);
    t.ok(warnings.length <= 4, `${warnings.length} warnings in a minute`);
  }
});

t.test('an upgraded node is known as such when it comes back', async (t) => {
  const { world, a, b } = await pair(11, [null, null], { levels: { min: 1, max: 1 } });
  await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
  world.host('b').kill();
  a.greeted.length = 0;
  const again = await new Station(world.host('b').start()).open(['a', 'b'], null);
  await world.simulation.runUntil(() => again.reachable.length > 0, 5000);
  await world.simulation.runUntil(() => a.greeted.length > 1, 5000);
  t.ok(a.greeted.length > 1 && a.greeted.every((hello) => hello.levels.max === 2));
});

t.test('of two processes that run as one node the first keeps its place, and the other is told', async (t) => {
  const { world, a, b } = await pair(12, [null, null]);
  await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
  const copy = new Station(world.host('copy').start(), { node: node('b'), clusterId: 'x1' });
  await copy.open(['a'], null);
  await world.simulation.runUntil(10_000);
  a.heard.length = 0;
  b.transport.send(node('a'), heartbeat('b', 'a', 1));
  copy.transport.send(node('a'), heartbeat('b', 'a', 2));
  b.transport.flush();
  copy.transport.flush();
  await world.simulation.runUntil(60_000);
  t.same(a.heard, [{ from: 'b', message: heartbeat('b', 'a', 1) }]);
  t.match(a.warnings, [/turned away a peer connection from copy: another process runs as node b, and was there first/]);
  t.match(copy.warnings, [/node a at a:7000 refuses this node: another process runs as node b/]);
  t.same(b.warnings, []);
  // A process that is gone leaves its place to who comes next.
  world.host('b').kill();
  t.ok(await world.simulation.runUntil(() => copy.transport.isUp(node('a')), 5000));
});

t.test('members come, move and go while the transport is open', async (t) => {
  const { world, a, b } = await pair(13, [null, null]);
  await world.simulation.runUntil(() => a.reachable.length > 0 && b.reachable.length > 0, 1000);
  const c = await new Station(world.host('c').start()).open(['a'], null);
  await world.simulation.runUntil(world.simulation.nowMs + 1000);
  t.same(c.reachable, []);
  t.match(c.warnings, [/c is no member of the cluster any more/]);
  t.same(c.removedBy, ['a']);
  const at = (host: string) => ({ host, port });
  a.transport.setPeers(new Map([[node('c'), at('c')]]));
  t.ok(await world.simulation.runUntil(() => c.reachable.length > 0 && a.reachable.includes(node('c')), 5000), 'came');
  b.removedBy.length = 0;
  t.ok(await world.simulation.runUntil(() => b.removedBy.length > 0, 5000), 'gone');
  t.equal(a.transport.isUp(node('b')), false);

  a.transport.setPeers(new Map([[node('c'), at('elsewhere')]]));
  t.equal(a.transport.isUp(node('c')), false);
  const moved = new Station(world.host('elsewhere').start(), { node: node('c'), incarnation: 'c1' });
  await moved.open(['a'], null);
  t.ok(await world.simulation.runUntil(() => a.transport.isUp(node('c')), 5000), 'moved');
});
