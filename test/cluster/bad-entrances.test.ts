/** Attacks below STOMP and at the login, with well-behaved clients beside them. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { generate } from 'selfsigned';
import t from 'tap';
import { WebSocket } from 'ws';

import { Neighbours } from '../harness/neighbours.ts';
import { ProgramRun } from '../harness/program-runs.ts';

interface Ports {
  /** Without a login. */
  readonly free: number;
  readonly stomp: number;
  readonly stomps: number;
  readonly ws: number;
}

const directory = await mkdtemp(join(tmpdir(), 'lockstep-entrances-'));

async function startNode(): Promise<{ readonly node: ProgramRun; readonly ports: Ports }> {
  const password = (await new ProgramRun(['passwd', 'ann', '--password', 'secret']).ended).stdout.trim();
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' });
  await writeFile(join(directory, 'host.crt'), cert);
  await writeFile(join(directory, 'host.key'), key);
  const config = join(directory, 'lockstep.yaml');
  await writeFile(
    config,
    `
data: data
tls: { cert: host.crt, key: host.key }
listeners:
  - { stomp: 127.0.0.1:0, anonymous: true }
  - stomp: 127.0.0.1:0
  - stomps: 127.0.0.1:0
  - ws: 127.0.0.1:0
users: [{ name: ann, password: "${password}" }]
limits: { connectMs: 5s, bodyBytes: 1MiB, halfSentBytes: 8MiB }
`,
  );
  const node = new ProgramRun(['start', '--config', config]);
  const ready = JSON.parse(await node.line(/"msg":"ready"/)) as Readonly<Record<string, string>>;
  const of = (kind: string): number[] => ready[kind]!.split(',').map((address) => Number(address.split(':')[1]));
  const [free = 0, stomp = 0] = of('stomp');
  return { node, ports: { free, stomp, stomps: of('stomps')[0]!, ws: of('ws')[0]! } };
}

const { node, ports } = await startNode();
t.teardown(async () => {
  node.child.kill('SIGKILL');
  await node.ended;
  await rm(directory, { recursive: true, force: true });
});
const neighbours = await Neighbours.start(ports.free, ports.free, '/queue/beside');
t.teardown(() => neighbours.drop());

async function dial(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

/** All that comes until it is closed. */
function allOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}

function login(passcode: string): string {
  return `CONNECT\naccept-version:1.2\nhost:h\nlogin:ann\npasscode:${passcode}\n\n\0`;
}

function many<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => make(i)));
}

t.test('a flood of wrong logins: who comes from elsewhere is let in meanwhile', async (t) => {
  const flood = await many(300, () => dial(ports.stomp));
  const answers = flood.map(async (socket, i) => {
    socket.write(login(`guess ${i}`));
    return allOf(socket);
  });
  const ann = await dial(ports.stomp, '127.0.0.2');
  ann.write(login('secret'));
  const [connected] = (await once(ann, 'data')) as [Buffer];
  t.match(connected.toString(), /^CONNECTED\n/);
  ann.destroy();
  await neighbours.progress(50);
  const told = await Promise.all(answers);
  const refused = told.filter((text) => text.startsWith('ERROR\nmessage:CONNECT: no user ann with this passcode\n'));
  t.ok(refused.length > 0);
  t.equal(told.filter((text) => text === '').length, 300 - refused.length, 'the others are closed without an ERROR');
});

t.test('handshakes that stop half-way, of TLS and of HTTP', async (t) => {
  const starts = ['', '\x16\x03\x01\x02\x00\x01', 'GET / HTTP/1.1\r\nHost: x\r\nX-Y: '];
  const half = await many(600, async (i) => dial(i % 2 === 0 ? ports.stomps : ports.ws));
  const ends = half.map(async (socket, i) => {
    const start = starts[i % starts.length]!;
    if (start !== '') socket.write(Buffer.from(start, 'latin1'));
    return new Promise((resolve) => socket.resume().once('close', resolve));
  });
  await neighbours.progress(50);
  const client = new WebSocket(`ws://127.0.0.1:${ports.ws}/`);
  await once(client, 'open');
  client.terminate();
  await Promise.all(ends);
  t.equal(half.length, 600, 'all of them are cut off');
});

t.test('messages that are never finished: beyond what the node allows for all, they end', async (t) => {
  const closed: Promise<number>[] = [];
  const greedy = await many(20, async () => {
    const client = new WebSocket(`ws://127.0.0.1:${ports.ws}/`);
    client.on('error', () => {});
    closed.push(new Promise((resolve) => client.on('close', resolve)));
    await once(client, 'open');
    return client;
  });
  const sent = greedy.map(
    (client) => new Promise((resolve) => client.send(Buffer.alloc(1_000_000), { fin: false }, resolve)),
  );
  await Promise.all(sent);
  await neighbours.progress(50);
  for (const client of greedy) client.terminate();
  const codes = await Promise.all(closed);
  t.ok(codes.includes(1013), 'the node said that it holds too much');
});

t.test('garbage at every door', async (t) => {
  const upgrade =
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
  const doors: readonly (readonly [number, string])[] = [
    [ports.stomp, ''],
    [ports.stomps, ''],
    [ports.ws, ''],
    [ports.ws, upgrade],
  ];
  const rounds = await many(80, async (i) => {
    const [port, before] = doors[i % doors.length]!;
    const socket = await dial(port);
    socket.write(before);
    socket.write(randomBytes(2000));
    socket.end();
    return allOf(socket);
  });
  t.equal(rounds.length, 80);
  await neighbours.progress(50);
});

t.test('after all that nobody beside them has noticed anything', async (t) => {
  await neighbours.stop();
  t.same(neighbours.troubles, []);
  const ann = await dial(ports.stomp);
  ann.write(login('secret'));
  const [connected] = (await once(ann, 'data')) as [Buffer];
  t.match(connected.toString(), /^CONNECTED\n/);
  ann.destroy();
  t.equal(node.child.exitCode, null);
});
