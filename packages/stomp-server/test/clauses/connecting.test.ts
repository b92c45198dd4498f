// STOMP 1.0, 1.1 and 1.2: CONNECT, CONNECTED, Protocol Negotiation, Heart-beating, Connection Lingering.
import t from 'tap';
import { ConnectionBench } from '../connection/support.ts';
import { errorOf } from '../session/support.ts';
import { versions, Wire } from './support.ts';
import type { RawClient } from '../connection/support.ts';

/** The frames that come of these bytes, the first of the connection. */
async function answerTo(bytes: string): Promise<{ frames: string[]; ended: boolean }> {
  const bench = await ConnectionBench.start();
  const client = await bench.connect();
  client.send(bytes);
  await bench.pass(50);
  return { frames: client.frames, ended: client.ended };
}

const header = (frame: string | undefined, name: string): string | undefined =>
  frame
    ?.split('\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1);

t.test('CONNECT is answered by CONNECTED, with a session id of its own', async (t) => {
  const bench = await ConnectionBench.start();
  const ids = new Set<string | undefined>();
  for (let i = 0; i < 20; i++) {
    const { client } = await Wire.beside(bench);
    t.match(client.frames[0], /^CONNECTED\n/);
    ids.add(header(client.frames[0], 'session'));
  }
  t.equal(ids.size, 20);
  t.notOk(ids.has(undefined));
});

t.test('STOMP is handled as CONNECT is', async (t) => {
  for (const version of versions) {
    const [one, other] = [
      await answerTo(`CONNECT\naccept-version:${version}\nhost:h\n\n\0`),
      await answerTo(`STOMP\naccept-version:${version}\nhost:h\n\n\0`),
    ];
    const plain = (frames: readonly string[]): string[] => frames.map((frame) => frame.replace(/^session:.*\n/m, ''));
    t.match(one.frames, [/^CONNECTED\n/], version);
    t.same(plain(other.frames), plain(one.frames), version);
  }
});

t.test('the version is the highest that both know; without accept-version it is 1.0', async (t) => {
  const cases: [accepted: string, version: string][] = [
    ['accept-version:1.0,1.1,1.2\n', '1.2'],
    ['accept-version:1.2,1.1,1.0\n', '1.2'],
    ['accept-version:1.0,1.1,2.0\n', '1.1'],
    ['accept-version:1.1\n', '1.1'],
    ['accept-version:1.0\n', '1.0'],
    ['accept-version:1.0, 1.1\n', '1.1'],
    ['accept-version:9.9,1.0\n', '1.0'],
    ['', '1.0'],
  ];
  for (const [accepted, version] of cases) {
    const { frames } = await answerTo(`CONNECT\n${accepted}host:h\n\n\0`);
    t.equal(header(frames[0], 'version'), version, accepted);
  }
});

t.test('the session goes by the agreed version from the next frame on', async (t) => {
  const frames = async (accepted: string): Promise<string[]> =>
    (await answerTo(`CONNECT\naccept-version:${accepted}\nhost:h\n\n\0BEGIN\ntransaction:t\nreceipt:a\\rb\n\n\0`))
      .frames;
  t.equal((await frames('1.0')).at(-1), 'RECEIPT\nreceipt-id:a\\rb');
  t.match((await frames('1.1')).at(-1), /^ERROR\nmessage:BEGIN. undefined escape \\r/);
  t.equal((await frames('1.2')).at(-1), 'RECEIPT\nreceipt-id:a\rb');
});

t.test('no version in common: ERROR that lists the supported ones, then the close', async (t) => {
  const { frames, ended } = await answerTo('CONNECT\naccept-version:2.0,2.1\nhost:h\n\n\0');
  t.equal(frames.length, 1);
  t.equal(header(frames[0], 'version'), '1.0,1.1,1.2');
  t.equal(header(frames[0], 'content-type'), 'text/plain');
  t.match(frames[0], /\n\n.*\nSupported protocol versions are 1\.0, 1\.1 and 1\.2\.$/);
  t.ok(ended);
});

t.test('a rejected connection gets an ERROR that says why, then the close', async (t) => {
  for (const [bytes, error] of [
    ['CONNECT\naccept-version:1.2\nheart-beat:x\n\n\0', 'CONNECT: bad heart-beat: x'],
    ['CONNECT\nno colon\n\n\0', 'CONNECT: header line without a colon: no colon'],
    ['SEND\ndestination:/queue/a\n\n\0', 'SEND: not connected'],
    ['GET / HTTP/1.1\r\nhost: h\r\n\r\n', 'unknown command GET'],
  ] as const) {
    const { frames, ended } = await answerTo(bytes);
    t.equal(errorOf(frames), error);
    t.equal(frames.length, 1);
    t.ok(ended, 'closed');
  }
});

t.test('CONNECTED names the version, and the server as name/version', async (t) => {
  for (const version of versions) {
    const { frames } = await answerTo(`CONNECT\naccept-version:${version}\nhost:h\n\n\0`);
    t.equal(header(frames[0], 'version'), version);
    t.match(header(frames[0], 'server'), /^[^\s/]+\/\S+( .*)?$/);
  }
});

t.test('CONNECT without host is let in', async (t) => {
  for (const version of versions) {
    t.match((await answerTo(`CONNECT\naccept-version:${version}\n\n\0`)).frames, [/^CONNECTED\n/], version);
  }
});

t.test(
  'heart-beat: what is agreed is the greater of what one can and the other wants; 0 or nothing is none',
  async (t) => {
    const told = async (version: string, wish: string): Promise<string | undefined> =>
      header((await answerTo(`CONNECT\naccept-version:${version}\nhost:h\n${wish}\n\0`)).frames[0], 'heart-beat');
    for (const version of ['1.1', '1.2']) {
      t.equal(await told(version, ''), '0,0');
      t.equal(await told(version, 'heart-beat:0,0\n'), '0,0');
      t.equal(await told(version, 'heart-beat:4000,0\n'), '0,4000', 'the client sends, the server wants');
      t.equal(await told(version, 'heart-beat:0,5000\n'), '5000,0', 'the server sends');
      t.equal(await told(version, 'heart-beat:4000,5000\n'), '5000,4000');
      t.equal(await told(version, 'heart-beat:1,1\n'), '100,100', 'never closer than 100 ms');
    }
    t.equal(await told('1.0', 'heart-beat:4000,5000\n'), '0,0', '1.0 knows none');
  },
);

t.test('heart-beat: anything but two whole numbers is an ERROR', async (t) => {
  for (const bad of ['', '1', '1,', ',1', 'a,b', '-1,0', '1,2,3', '1.5,2', '1e3,0', '1;2']) {
    const { frames, ended } = await answerTo(`CONNECT\naccept-version:1.2\nhost:h\nheart-beat:${bad}\n\n\0`);
    t.equal(errorOf(frames), `CONNECT: bad heart-beat: ${bad}`);
    t.ok(ended);
  }
});

t.test('heart-beat: the server never leaves more than the agreed time between two pieces of data', async (t) => {
  for (const version of ['1.1', '1.2'] as const) {
    const wire = await Wire.connected(version, {}, 'heart-beat:0,1000\n');
    let silentMs = 0;
    let worstMs = 0;
    for (let i = 0; i < 1000; i++) {
      const before = wire.client.chunks.length;
      // Now and then a frame instead: then no line end is due.
      if (i % 330 === 0) wire.client.send(`BEGIN\ntransaction:${i}\nreceipt:${i}\n\n\0`);
      await wire.bench.pass(10);
      silentMs = wire.client.chunks.length === before ? silentMs + 10 : 0;
      worstMs = Math.max(worstMs, silentMs);
    }
    t.ok(worstMs <= 1000 && worstMs >= 400, `${version}: ${worstMs} ms at most`);
    t.equal(wire.frames.filter((frame) => frame.startsWith('RECEIPT')).length, 4, 'beats are no frames');
  }
});

t.test('heart-beat: where nothing was agreed nothing is sent, and silence is no fault', async (t) => {
  for (const [version, wish] of [
    ['1.2', 'heart-beat:0,0\n'],
    ['1.2', ''],
    ['1.0', 'heart-beat:1000,1000\n'],
  ] as const) {
    const wire = await Wire.connected(version, {}, wish);
    await wire.bench.pass(3_600_000);
    t.equal(wire.raw, '', `${version} ${wish}`);
    t.notOk(wire.client.closed);
  }
});

t.test('heart-beat: any data is a sign of life, a piece of a frame as much as a line end', async (t) => {
  for (const version of ['1.1', '1.2'] as const) {
    const wire = await Wire.connected(version, {}, 'heart-beat:1000,0\n');
    for (const piece of ['SEND\ndest', 'ination:/queue/a\n', '\nbo', 'dy', '\0', '\n', '\r\n', '\n']) {
      await wire.bench.pass(1500);
      wire.client.send(piece);
    }
    await wire.bench.pass(1500);
    t.notOk(wire.client.closed, 'an error margin: twice the agreed time');
    t.same(wire.asked, ['send /queue/a "" body'], version);
    await wire.bench.pass(1000);
    t.ok(wire.client.closed, 'beyond it the client counts as dead');
  }
});

t.test('clients that rapidly connect and disconnect leave nothing behind', async (t) => {
  const bench = await ConnectionBench.start({ connectionsMax: 50 });
  for (let round = 0; round < 40; round++) {
    const clients: RawClient[] = [];
    while (clients.length < 20) clients.push(await bench.connect());
    for (const [i, client] of clients.entries()) {
      if (i % 4 > 0) client.send('CONNECT\naccept-version:1.2\nhost:h\n\n\0');
      if (i % 4 === 2) client.send('DISCONNECT\nreceipt:bye\n\n\0');
      if (i % 4 === 3) client.connection.destroy();
      else client.connection.end();
    }
    await bench.until(() => bench.count.open === 0);
    t.equal(bench.count.open, 0);
  }
  t.equal(bench.broker.endpoints.size, 0);
  t.ok(bench.broker.asked.length > 100, 'most of them were let in');
});

t.test('the last frame arrives before the connection closes: the receipt of DISCONNECT', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('DISCONNECT\nreceipt:77\n\n\0SEND\ndestination:/queue/late\n\n\0');
    t.same(wire.frames, ['RECEIPT\nreceipt-id:77'], version);
    t.ok(wire.client.ended, 'the server has ended its side');
    t.notOk(wire.client.closed, 'and lingers');
    t.same(wire.asked, ['endSession clean'], 'what comes behind DISCONNECT is not taken');
    await wire.bench.until(() => wire.bench.count.open === 0);
    t.equal(wire.bench.count.open, 0, 'for a short time');
  }
});
