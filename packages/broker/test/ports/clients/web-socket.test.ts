import { once } from 'node:events';
import type { Socket } from 'node:net';

import { InputBudget } from '@lockstep/stomp-server';
import t from 'tap';
import type { WebSocket } from 'ws';

import { allOf, anyPage, entrance, tcp, webSocket } from './support.ts';

async function received(client: WebSocket): Promise<{ readonly text: string; readonly isBinary: boolean }> {
  const [data, isBinary] = (await once(client, 'message')) as [Buffer, boolean];
  return { text: data.toString('latin1'), isBinary };
}

t.test('any path, STOMP’s subprotocols (the highest of those offered) or none', async (t) => {
  const { address } = await entrance(t, { webSocket: anyPage() });
  const cases: readonly (readonly [string[], string])[] = [
    [[], ''],
    [['v10.stomp', 'v12.stomp', 'v11.stomp'], 'v12.stomp'],
    [['v11.stomp', 'v10.stomp'], 'v11.stomp'],
    [['mqtt', 'stomp'], 'stomp'],
  ];
  for (const [protocols, agreed] of cases) {
    const client = webSocket(t, address, { protocols, path: '/some/where?x=1' });
    await once(client, 'open');
    t.equal(client.protocol, agreed);
  }
  const other = webSocket(t, address, { protocols: ['mqtt'] });
  const [error] = (await once(other, 'error')) as [Error];
  t.match(error.message, /no subprotocol/i, 'a client that speaks none of them learns it');
});

t.test('bytes come in whatever the messages: split, joined, text, binary, in fragments', async (t) => {
  const { address, next } = await entrance(t, { webSocket: anyPage() });
  const client = webSocket(t, address);
  await once(client, 'open');
  const taken = await next();
  client.send('CONN');
  client.send(Buffer.from('ECT\n\n\0SEND\n'));
  client.send('');
  client.send('\n\0', { fin: false });
  client.send('\n', { fin: true });
  await taken.until(() => taken.received.length >= 18);
  t.equal(taken.received, 'CONNECT\n\n\0SEND\n\n\0\n');
});

t.test('what is sent is text where it is UTF-8 and the client spoke text, else binary', async (t) => {
  const { address, next } = await entrance(t, { webSocket: anyPage() });
  const client = webSocket(t, address);
  await once(client, 'open');
  const { connection } = await next();
  const say = async (
    ...chunks: (string | Buffer)[]
  ): Promise<{ readonly text: string; readonly isBinary: boolean }> => {
    const answer = received(client);
    connection.writeMessage!(chunks.map((chunk) => Buffer.from(chunk)));
    return answer;
  };
  t.same(await say('MESSAGE\n\n', 'é\0'), { text: Buffer.from('MESSAGE\n\né\0').toString('latin1'), isBinary: false });
  t.same(await say('MESSAGE\n\n', Buffer.from([0xff, 0])), { text: 'MESSAGE\n\n\xff\0', isBinary: true });
});

t.test('a client that speaks binary is answered so', async (t) => {
  const { address, next } = await entrance(t, { webSocket: anyPage() });
  const client = webSocket(t, address);
  await once(client, 'open');
  const taken = await next();
  client.send(Buffer.from('x'));
  await taken.until(() => taken.received === 'x');
  const answer = received(client);
  taken.connection.write(Buffer.from('plain'));
  t.same(await answer, { text: 'plain', isBinary: true });
});

t.test('a Close ends the input, behind all that was sent before it', async (t) => {
  const { address, next } = await entrance(t, { webSocket: anyPage() });
  const client = webSocket(t, address);
  await once(client, 'open');
  const taken = await next();
  taken.onData = () => taken.connection.pause();
  const below = rawSocket(client);
  below.cork();
  client.send('one');
  client.send('two');
  client.close(1000);
  below.uncork();
  await taken.until(() => taken.chunks.length > 0);
  t.equal(taken.received, 'one', 'nothing more while it is paused, though all came at once');
  t.notOk(taken.ended);
  taken.onData = () => {};
  taken.connection.resume();
  await taken.until(() => taken.ended);
  t.equal(taken.received, 'onetwo');
  t.notOk(taken.closed, 'it is this side’s turn');
  taken.connection.end();
  await taken.until(() => taken.closed);
  t.equal(taken.error, null);
});

t.test('this side’s end: what was written arrives, then Close 1000; what still comes is read', async (t) => {
  const { address, next } = await entrance(t, { webSocket: anyPage() });
  const client = webSocket(t, address);
  await once(client, 'open');
  const taken = await next();
  const got: string[] = [];
  client.on('message', (data: Buffer) => got.push(data.toString()));
  const closed = once(client, 'close');
  taken.connection.write(Buffer.from('ERROR'));
  taken.connection.end();
  client.send('late');
  const [code] = (await closed) as [number];
  await taken.until(() => taken.closed);
  t.same(got, ['ERROR']);
  t.equal(code, 1000);
  t.equal(taken.received, 'late');
  t.equal(taken.error, null);
});

t.test('a client that does not read is felt as back-pressure, and may be cut off', async (t) => {
  const { address, next } = await entrance(t, { webSocket: anyPage() });
  const client = webSocket(t, address);
  await once(client, 'open');
  const taken = await next();
  client.pause();
  const chunk = Buffer.alloc(1 << 20, 0x78);
  let roomy = true;
  for (let i = 0; i < 64; i += 1) roomy = taken.connection.write(chunk) && roomy;
  t.notOk(roomy);
  t.ok(taken.connection.bufferedBytes > 1 << 20);
  client.resume();
  await taken.until(() => taken.drains > 0);
  client.pause();
  taken.connection.destroy();
  await taken.until(() => taken.closed);
});

t.test('pings are answered, and are nobody’s input', async (t) => {
  const { address, next } = await entrance(t, { webSocket: anyPage() });
  const client = webSocket(t, address);
  await once(client, 'open');
  const taken = await next();
  client.ping('p');
  const [data] = (await once(client, 'pong')) as [Buffer];
  t.equal(data.toString(), 'p');
  t.equal(taken.received, '');
});

t.test('pages of other origins are told, and get no connection', async (t) => {
  const takesOrigin = (origin: string): boolean => origin === 'http://good.example';
  const made = await entrance(t, { webSocket: { takesOrigin, messageBytesMax: 1000 } });
  const bad = webSocket(t, made.address, { origin: 'http://bad.example' });
  const [error] = (await once(bad, 'error')) as [Error];
  t.match(error.message, /403/);
  t.match(await made.refusal(), /pages of http:\/\/bad\.example are not allowed/);
  for (const origin of ['http://good.example', undefined]) {
    const good = webSocket(t, made.address, origin === undefined ? {} : { origin });
    await once(good, 'open');
  }
  t.equal(made.taken.length, 2);
});

t.test('who asks for a page, or speaks no HTTP, learns what this is', async (t) => {
  const made = await entrance(t, { webSocket: anyPage() });
  const browser = await tcp(t, made.address);
  const page = allOf(browser);
  browser.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(await page, /^HTTP\/1\.1 426 [^]*STOMP over WebSocket is spoken here\./);
  const stomp = await tcp(t, made.address);
  const nothing = allOf(stomp);
  stomp.write('CONNECT\naccept-version:1.2\n\n\0');
  await nothing;
  t.match(await made.refusal(), /asks for a page/);
  t.match(await made.refusal(), /does not speak HTTP/);
  t.equal(made.taken.length, 0);
});

t.test(
  'a message above the limit, text that is no UTF-8, a frame that is none: Close with the code for it',
  async (t) => {
    const made = await entrance(t, { webSocket: anyPage(10_000) });
    const cases: readonly (readonly [string, number, (client: WebSocket) => void])[] = [
      ['too long', 1009, (client) => client.send(Buffer.alloc(10_001))],
      ['not UTF-8', 1007, (client) => client.send(Buffer.from([0xff, 0xfe]), { binary: false })],
      ['not masked', 1002, (client) => rawSocket(client).write(Buffer.from([0x82, 1, 0x78]))],
      ['a reserved opcode', 1002, (client) => rawSocket(client).write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))],
    ];
    for (const [name, expected, send] of cases) {
      const client = webSocket(t, made.address);
      await once(client, 'open');
      const taken = await made.next();
      client.send('before');
      send(client);
      const [code] = (await once(client, 'close')) as [number];
      t.equal(code, expected, name);
      await taken.until(() => taken.closed);
      t.equal(taken.received, 'before');
      t.not(taken.error, null);
    }
  },
);

/** What a client's frames go out by. */
function rawSocket(client: WebSocket): Socket {
  return (client as unknown as { _socket: Socket })._socket;
}

t.test('half messages count in the node’s budget; beyond it their connection ends, and the others go on', async (t) => {
  const budget = new InputBudget(1_000_000);
  const made = await entrance(t, { webSocket: anyPage(100_000_000) }, budget);
  const good = webSocket(t, made.address);
  await once(good, 'open');
  const takenGood = await made.next();
  const greedy = webSocket(t, made.address);
  await once(greedy, 'open');
  const takenGreedy = await made.next();
  greedy.send(Buffer.alloc(600_000), { fin: false });
  good.send('still here');
  await takenGood.until(() => takenGood.received === 'still here');
  greedy.send(Buffer.alloc(600_000), { fin: false });
  const [code] = (await once(greedy, 'close')) as [number];
  t.equal(code, 1013);
  await takenGreedy.until(() => takenGreedy.closed);
  t.match(takenGreedy.error?.message, /half-sent/);
  t.equal(budget.used, 0, 'and all is given back');
  good.send(Buffer.alloc(900_000, 0x78));
  await takenGood.until(() => takenGood.received.length === 900_010);
  t.equal(budget.used, 0);
});

t.test('a client that is gone without a Close has ended its input', async (t) => {
  const { address, next } = await entrance(t, { webSocket: anyPage() });
  const client = webSocket(t, address);
  await once(client, 'open');
  const taken = await next();
  client.send('last');
  await taken.until(() => taken.received === 'last');
  client.terminate();
  await taken.until(() => taken.ended || taken.closed);
  taken.connection.end();
  await taken.until(() => taken.closed);
});

t.test('a flood of pings whose answers nobody reads ends that connection, and holds no memory', async (t) => {
  const made = await entrance(t, { webSocket: anyPage() });
  const socket = await tcp(t, made.address);
  socket.pause();
  const upgrade = [
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  ];
  socket.write(upgrade.join(''));
  const taken = await made.next();
  const ping = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125)]);
  const flood = Buffer.concat(Array.from({ length: 10_000 }, () => ping));
  for (let i = 0; i < 10; i += 1) socket.write(flood);
  await taken.until(() => taken.ended || taken.closed);
  taken.connection.end();
  await taken.until(() => taken.closed);
  t.ok(taken.connection.bufferedBytes < 1_000_000);
});
