import { connect } from 'node:tls';

import { NodeNetwork } from '../../src/ports/node-network.ts';
import type { Address, Connection, Listener, MutualTls, Network, NetworkError } from '@lockstep/kernel';
import { networkCompliance } from '@lockstep/testkit';
import t from 'tap';
import type { Test } from 'tap';

import { namesOfCertificate } from '../../src/ports/node-tls.ts';
import { makeAuthority, makeCertificate } from '../certificates.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
const ours = await makeAuthority('ours');
const theirs = await makeAuthority('theirs');
const a = await makeCertificate(ours, { name: 'a', uris: ['lockstep://east/a'] });
const b = await makeCertificate(ours, { name: 'b', dns: ['b.example', 'b'] });

/** Speaks TLS without being asked to. */
class SecureNetwork implements Network {
  readonly #network = new NodeNetwork();

  listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener> {
    return this.#network.listen(address, onConnection, { ...a, onUntrusted: () => {} });
  }

  connect(address: Address, timeoutMs: number): Promise<Connection> {
    return this.#network.connect(address, timeoutMs, b);
  }
}

t.test('as a network', async (t) =>
  networkCompliance(t, () => ({ port: new SecureNetwork(), host: '127.0.0.1', run: (work) => work() })),
);

interface Met {
  readonly accepted: Promise<Connection>;
  readonly untrusted: Promise<NetworkError>;
  readonly address: Address;
}

async function listening(t: Test, tls: MutualTls): Promise<Met> {
  let take: (connection: Connection) => void = () => {};
  let turnAway: (error: NetworkError) => void = () => {};
  const accepted = new Promise<Connection>((resolve) => (take = resolve));
  const untrusted = new Promise<NetworkError>((resolve) => (turnAway = resolve));
  const onUntrusted = (_remote: Address, error: NetworkError): void => turnAway(error);
  const listener = await new NodeNetwork().listen(
    LOOPBACK,
    (connection) => {
      connection.start({ data() {}, drain() {}, end: () => connection.end(), close() {} });
      take(connection);
    },
    { ...tls, onUntrusted },
  );
  t.teardown(() => listener.close());
  return { accepted, untrusted, address: listener.address };
}

/** How the connection ended for who dialled. */
async function dial(address: Address, tls?: MutualTls): Promise<NetworkError | null> {
  const connection = await new NodeNetwork().connect(address, 5000, tls);
  return new Promise((resolve) => {
    connection.start({ data() {}, drain() {}, end: () => connection.end(), close: resolve });
    connection.write(new Uint8Array(100));
  });
}

t.test('each side learns what the certificate of the other says', async (t) => {
  const { accepted, address } = await listening(t, a);
  const dialled = await new NodeNetwork().connect(address, 5000, b);
  dialled.start({ data() {}, drain() {}, end() {}, close() {} });
  t.same(dialled.certifiedNames, ['CN:a', 'URI:lockstep://east/a']);
  t.same((await accepted).certifiedNames, ['CN:b', 'DNS:b.example', 'DNS:b']);
  t.same(namesOfCertificate(b.cert), ['CN:b', 'DNS:b.example', 'DNS:b']);
  dialled.destroy();
});

t.test('without TLS there are no names', async (t) => {
  const network = new NodeNetwork();
  const listener = await network.listen(LOOPBACK, (connection) =>
    connection.start({ data() {}, drain() {}, end: () => connection.end(), close() {} }),
  );
  t.teardown(() => listener.close());
  const connection = await network.connect(listener.address, 5000);
  connection.start({ data() {}, drain() {}, end() {}, close() {} });
  t.equal(connection.certifiedNames, undefined);
  connection.destroy();
});

t.test('a server whose certificate is not to be trusted is not talked to', async (t) => {
  const cases: [string, MutualTls, RegExp][] = [
    [
      'another authority',
      await makeCertificate(theirs, { name: 'a', trusts: ours }),
      /authority that this node does not know/,
    ],
    ['expired', await makeCertificate(ours, { name: 'a', expired: true }), /has expired/],
  ];
  for (const [name, tls, message] of cases) {
    const { address } = await listening(t, tls);
    await t.rejects(dial(address, b), { code: 'untrusted', message }, name);
  }
});

t.test('a client whose certificate is not to be trusted is turned away', async (t) => {
  const cases: [string, MutualTls, RegExp][] = [
    [
      'another authority',
      await makeCertificate(theirs, { name: 'b', trusts: ours }),
      /authority that this node does not know/,
    ],
    ['expired', await makeCertificate(ours, { name: 'b', expired: true }), /has expired/],
  ];
  for (const [name, tls, message] of cases) {
    const { address, untrusted } = await listening(t, a);
    await dial(address, tls);
    t.match(await untrusted, { code: 'untrusted', message }, name);
  }
});

t.test('a client without a certificate is turned away', async (t) => {
  const { address, untrusted } = await listening(t, a);
  const socket = connect({ ...address, ca: Buffer.from(a.ca), checkServerIdentity: () => undefined });
  socket.on('error', () => {});
  t.match(await untrusted, { code: 'untrusted', message: /shows no certificate/ });
  socket.destroy();
});

t.test('who speaks no TLS is turned away', async (t) => {
  const { address, untrusted } = await listening(t, a);
  await dial(address);
  t.match(await untrusted, { code: 'untrusted' });
});

t.test('who only looks whether somebody listens is no news', async (t) => {
  const network = new NodeNetwork();
  let told = 0;
  let accept: () => void = () => {};
  const accepted = new Promise<void>((resolve) => (accept = resolve));
  const listener = await network.listen(
    LOOPBACK,
    (connection) => {
      connection.start({ data() {}, drain() {}, end: () => connection.end(), close() {} });
      accept();
    },
    { ...a, onUntrusted: () => (told += 1) },
  );
  t.teardown(() => listener.close());
  const probe = await network.connect(listener.address, 5000);
  await new Promise((resolve) => {
    probe.start({ data() {}, drain() {}, end() {}, close: resolve });
    probe.destroy();
  });
  // What came of it is known when a later connection has come through.
  const later = await network.connect(listener.address, 5000, b);
  later.start({ data() {}, drain() {}, end() {}, close() {} });
  await accepted;
  later.destroy();
  t.equal(told, 0);
});
