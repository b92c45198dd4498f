/** TLS, the PROXY protocol, and those who do not come through: each by itself, and under WebSocket. */
import { once } from 'node:events';
import type { Socket } from 'node:net';

import { networkCompliance } from '@lockstep/testkit';
import type { Address, Connection, Listener, Network } from '@lockstep/kernel';
import { InputBudget } from '@lockstep/stomp-server';
import t from 'tap';

import { ClientNetwork } from '../../../src/ports/clients/client-network.ts';
import type { ClientTls } from '../../../src/ports/clients/client-network.ts';
import { NodeNetwork } from '../../../src/ports/node-network.ts';
import { makeAuthority, makeCertificate } from '../../certificates.ts';
import { allOf, anyPage, entrance, tcp, tls, webSocket } from './support.ts';

const ours = await makeAuthority('ours');
const theirs = await makeAuthority('theirs');
const broker: ClientTls = await makeCertificate(ours, { name: 'broker', dns: ['localhost'] });
const ann = await makeCertificate(ours, { name: 'ann', uris: ['urn:ann'] });
const stranger = await makeCertificate(theirs, { name: 'ann' });
const client = { ca: Buffer.from(ours.cert) };

function shown({ cert, key }: { readonly cert: Uint8Array; readonly key: Uint8Array }): { cert: Buffer; key: Buffer } {
  return { cert: Buffer.from(cert), key: Buffer.from(key) };
}

/** Clients as they come in by one kind of listener; whom the nodes dial is not what this is about. */
class Entered implements Network {
  readonly #network: ClientNetwork;
  readonly #dial = new NodeNetwork();
  readonly #before: Buffer | null;

  constructor(proxyProtocol: boolean) {
    this.#network = new ClientNetwork({
      proxyProtocol,
      tls: null,
      clientCertificates: 'none',
      webSocket: null,
      handshakeMs: 30_000,
      turnedAway: () => {},
    });
    this.#before = proxyProtocol ? Buffer.from('PROXY UNKNOWN\r\n') : null;
  }

  listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener> {
    return this.#network.listen(address, onConnection, new InputBudget(Infinity));
  }

  async connect(address: Address, timeoutMs: number): Promise<Connection> {
    const connection = await this.#dial.connect(address, timeoutMs);
    if (this.#before !== null) connection.write(this.#before);
    return connection;
  }
}

for (const proxyProtocol of [false, true]) {
  t.test(`as a network, ${proxyProtocol ? 'behind a proxy' : 'plainly'}`, async (t) =>
    networkCompliance(t, () => ({ port: new Entered(proxyProtocol), host: '127.0.0.1', run: (work) => work() })),
  );
}

t.test('TLS: the client’s certificate is not asked for, may be shown, or must be', async (t) => {
  for (const [clientCertificates, names] of [
    ['none', []],
    ['optional', ['CN:ann', 'URI:urn:ann']],
    ['required', ['CN:ann', 'URI:urn:ann']],
  ] as const) {
    const made = await entrance(t, { tls: broker, clientCertificates });
    const socket = await tls(t, made.address, { ...client, ...shown(ann) });
    socket.write('CONNECT');
    const taken = await made.next();
    await taken.until(() => taken.received === 'CONNECT');
    t.same(taken.connection.certifiedNames, names, clientCertificates);
    taken.connection.write(Buffer.from('CONNECTED'));
    taken.connection.end();
    socket.end();
    t.equal(await allOf(socket), 'CONNECTED');
  }
});

t.test('TLS: without a certificate, or with one of an unknown authority', async (t) => {
  const optional = await entrance(t, { tls: broker, clientCertificates: 'optional' });
  await tls(t, optional.address, client);
  t.same((await optional.next()).connection.certifiedNames, []);
  await tls(t, optional.address, { ...client, ...shown(stranger) });
  t.match(await optional.refusal(), /authority that this node does not know/);
  const required = await entrance(t, { tls: broker, clientCertificates: 'required' });
  await tls(t, required.address, client);
  t.match(await required.refusal(), /shows no certificate/);
  t.equal(optional.taken.length, 1);
  t.equal(required.taken.length, 0);
});

t.test('a new certificate counts for the handshakes that follow; who is here stays', async (t) => {
  const made = await entrance(t, { tls: broker });
  const before = await tls(t, made.address, client);
  const taken = await made.next();
  made.network.renewTls(await makeCertificate(theirs, { name: 'renewed' }));
  const distrusting = await tls(t, made.address, client);
  t.ok(distrusting.destroyed, 'signed by somebody else now');
  await tls(t, made.address, { ca: Buffer.from(theirs.cert) });
  await made.next();
  before.write('x');
  await taken.until(() => taken.received === 'x');
});

t.test('WebSocket over TLS, with a certificate of the client’s', async (t) => {
  const made = await entrance(t, { tls: broker, clientCertificates: 'optional', webSocket: anyPage() });
  const socket = webSocket(t, made.address, { secure: true, ...client, ...shown(ann), rejectUnauthorized: false });
  await once(socket, 'open');
  socket.send('CONNECT');
  const taken = await made.next();
  await taken.until(() => taken.received === 'CONNECT');
  t.same(taken.connection.certifiedNames, ['CN:ann', 'URI:urn:ann']);
});

/** The bytes in as many writes as there are, each in a turn of its own. */
async function trickle(socket: Socket, bytes: Buffer, cut: number): Promise<void> {
  await new Promise((resolve) => socket.write(bytes.subarray(0, cut), resolve));
  socket.write(bytes.subarray(cut));
}

t.test('the PROXY protocol says where a client is, before TLS and WebSocket, however it is cut', async (t) => {
  const header = Buffer.from('PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n');
  const plain = await entrance(t, { proxyProtocol: true });
  for (const cut of [0, 3, header.length - 1, header.length, header.length + 2]) {
    const socket = await tcp(t, plain.address);
    await trickle(socket, Buffer.concat([header, Buffer.from('CONNECT')]), cut);
    const taken = await plain.next();
    await taken.until(() => taken.received === 'CONNECT');
    t.same(taken.connection.remote, { host: '203.0.113.9', port: 4711 });
  }
  const secure = await entrance(t, { proxyProtocol: true, tls: broker });
  const below = await tcp(t, secure.address);
  below.write(header);
  const socket = await tls(t, secure.address, { ...client, socket: below });
  socket.write('CONNECT');
  const takenSecure = await secure.next();
  await takenSecure.until(() => takenSecure.received === 'CONNECT');
  t.same(takenSecure.connection.remote, { host: '203.0.113.9', port: 4711 });
  const pages = await entrance(t, { proxyProtocol: true, webSocket: anyPage() });
  const upgrade = [
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  ];
  const frame = Buffer.from([0x82, 0x81, 0, 0, 0, 0, 0x78]);
  const raw = await tcp(t, pages.address);
  raw.write(Buffer.concat([header, Buffer.from(upgrade.join('')), frame]));
  const takenPage = await pages.next();
  await takenPage.until(() => takenPage.received === 'x');
  t.same(takenPage.connection.remote, { host: '203.0.113.9', port: 4711 });
});

t.test('who has no PROXY header where one is asked for gets no connection', async (t) => {
  const made = await entrance(t, { proxyProtocol: true });
  const socket = await tcp(t, made.address);
  const end = allOf(socket);
  socket.write('CONNECT\n\n\0');
  t.equal(await end, '');
  t.match(await made.refusal(), /does not begin with a header of the PROXY protocol/);
  const leaving = await tcp(t, made.address);
  leaving.write('PROX');
  leaving.end();
  t.equal(await allOf(leaving), '', 'nor who leaves in the middle of it');
  t.equal(made.taken.length, 0);
});

t.test('whoever does not come through in time is cut off, at each step', async (t) => {
  const steps: readonly (readonly [string, Parameters<typeof entrance>[1], string])[] = [
    ['the PROXY header', { proxyProtocol: true }, 'PROXY TCP4 1.2'],
    ['TLS: nothing', { tls: broker }, ''],
    ['TLS: half of a hello', { tls: broker }, '\x16\x03\x01\x02\x00\x01'],
    ['HTTP: nothing', { webSocket: anyPage() }, ''],
    ['HTTP: a head without end', { webSocket: anyPage() }, 'GET / HTTP/1.1\r\nHost: x\r\nX: '],
    ['HTTP below TLS', { tls: broker, webSocket: anyPage() }, ''],
  ];
  for (const [name, options, start] of steps) {
    const made = await entrance(t, { ...options, handshakeMs: 50 });
    const socket = await tcp(t, made.address);
    const end = allOf(socket);
    if (start !== '') socket.write(Buffer.from(start, 'latin1'));
    await end;
    t.match(await made.refusal(), /no handshake within 50 ms/, name);
    t.equal(made.taken.length, 0);
  }
  const both = await entrance(t, { tls: broker, webSocket: anyPage(), handshakeMs: 200 });
  const secure = await tls(t, both.address, client);
  secure.write('GET / HTTP/1.1\r\n');
  await allOf(secure);
  t.equal(await both.refusal(), 'no handshake within 200 ms', 'TLS and HTTP together have the one time');
});

t.test('who was turned away is done with: his time does not run out as well', async (t) => {
  const made = await entrance(t, { tls: broker, handshakeMs: 100 });
  const socket = await tcp(t, made.address);
  const end = allOf(socket);
  socket.write('CONNECT\naccept-version:1.2\nhost:x\n\n\0');
  await end;
  t.match(await made.refusal(), /it does not speak TLS/);
  const patient = await entrance(t, { tls: broker, handshakeMs: 150 });
  const silent = await tcp(t, patient.address);
  await allOf(silent);
  t.same(made.turnedAway.length, 1, 'when somebody else’s later one has');
});

t.test('half handshakes beyond the bound push each other out; those who speak come in', async (t) => {
  const made = await entrance(t, { tls: broker });
  const half: Socket[] = [];
  let gone = 0;
  for (let i = 0; i < 1100; i += 1) {
    const socket = await tcp(t, made.address);
    socket.once('close', () => (gone += 1));
    half.push(socket);
  }
  const socket = await tls(t, made.address, client);
  socket.write('CONNECT');
  const taken = await made.next();
  await taken.until(() => taken.received === 'CONNECT');
  t.ok(gone > 50, 'the oldest are gone');
  t.notOk(half.at(-1)?.destroyed, 'the youngest are not');
});

t.test('a closed listener lets go of half-made connections, and keeps those that it took', async (t) => {
  const network = new ClientNetwork({
    ...{ proxyProtocol: true, tls: null, clientCertificates: 'none', webSocket: null, handshakeMs: 30_000 },
    turnedAway: () => {},
  });
  const connections: Connection[] = [];
  const address = { host: '127.0.0.1', port: 0 };
  let tookOne: () => void = () => {};
  const took = new Promise<void>((resolve) => (tookOne = resolve));
  const listener = await network.listen(
    address,
    (connection) => {
      connection.start({ data() {}, drain() {}, end() {}, close() {} });
      connections.push(connection);
      tookOne();
    },
    new InputBudget(1000),
  );
  const whole = await tcp(t, listener.address);
  whole.write('PROXY UNKNOWN\r\n');
  await took;
  const half = await tcp(t, listener.address);
  half.write('PROXY');
  const ended = allOf(half);
  await listener.close();
  t.equal(await ended, '');
  const answer = once(whole, 'data');
  connections[0]!.write(Buffer.from('x'));
  t.equal(String((await answer)[0]), 'x');
  connections[0]!.destroy();
});
