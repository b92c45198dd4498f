/** One real node with every kind of listener, users and permissions: as `lockstep send` and `receive` see it, and what SIGHUP changes. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';

import t from 'tap';
import type { Test } from 'tap';
import { WebSocket } from 'ws';

import { makeAuthority, makeCertificate } from '../certificates.ts';
import { lockstep, started } from './program.ts';
import type { Line, Program } from './program.ts';

const authority = await makeAuthority('ours');
const other = await makeAuthority('theirs');
const host = await makeCertificate(authority, { name: 'broker', dns: ['localhost'] });
const ann = await makeCertificate(authority, { name: 'ann' });

async function hashed(password: string): Promise<string> {
  const { stdout } = await lockstep(['passwd', 'anybody', '--password', password]);
  return stdout.trim();
}

const secret = await hashed('secret');
const changed = await hashed('changed');

function configuration(passwords: { readonly ann: string }, permissions: string, more = ''): string {
  return `
data: data
tls: { cert: host.crt, key: host.key, ca: ca.crt }
listeners:
  - stomp: localhost:0
  - stomps: localhost:0
    clientCertificates: optional
  - ws: localhost:0
  - wss: localhost:0
users:
  - { name: ann, password: "${passwords.ann}", groups: [ops] }
  - { name: bob, password: "${secret}" }
permissions: ${permissions}
${more}`;
}

const EVERYTHING =
  '[{ match: "/queue/public.>", read: ["*"], write: ["*"] }, { match: ">", read: [ops], write: [ops] }]';

class Bench {
  readonly directory: string;
  readonly program: Program;
  readonly #ready: Line;

  private constructor(directory: string, program: Program, ready: Line) {
    this.directory = directory;
    this.program = program;
    this.#ready = ready;
  }

  static async start(t: Test): Promise<Bench> {
    const directory = t.testdir({
      'host.crt': Buffer.from(host.cert).toString(),
      'host.key': Buffer.from(host.key).toString(),
      'ca.crt': authority.cert,
      'other.crt': other.cert,
      passcode: 'secret\n',
      'lockstep.yaml': configuration({ ann: secret }, EVERYTHING),
    });
    const program = started(['start', '--config', join(directory, 'lockstep.yaml')]);
    t.teardown(() => program.child.kill('SIGKILL'));
    const ready = await program.line('ready');
    return new Bench(directory, program, ready);
  }

  /** Of the listener of a kind. */
  port(kind: string): number {
    return Number(String(this.#ready[kind]).split(':').at(-1));
  }

  uri(kind: 'stomp' | 'stomps' | 'ws' | 'wss'): string {
    const scheme = { stomp: 'tcp', stomps: 'ssl', ws: 'ws', wss: 'wss' }[kind];
    return `${scheme}://localhost:${this.port(kind)}`;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  login(name: string): string[] {
    return ['--login', name, '--passcode-file', this.file('passcode'), '--ca', this.file('ca.crt')];
  }

  /** Sends the signal; resolves to the line of the log that says what came of it. */
  async reload(yaml: string): Promise<Line> {
    await writeFile(this.file('lockstep.yaml'), yaml);
    return new Promise((resolve) => {
      createInterface({ input: this.program.child.stdout }).on('line', (text) => {
        const line = JSON.parse(text) as Line;
        if (/^(the configuration|changed|read users)/.test(String(line['msg']))) resolve(line);
      });
      this.program.child.kill('SIGHUP');
    });
  }
}

t.test('send and receive by each kind of listener; CONNECTED names the others of the same kind', async (t) => {
  const bench = await Bench.start(t);
  for (const kind of ['stomp', 'stomps', 'ws', 'wss'] as const) {
    const sent = await lockstep(['send', bench.uri(kind), '/queue/a', `by ${kind}`, ...bench.login('ann')]);
    t.equal(sent.code, 0, sent.stderr);
  }
  const received = await lockstep(['receive', bench.uri('wss'), '/queue/a', '--count', '4', ...bench.login('ann')]);
  t.equal(received.stdout, 'by stomp\nby stomps\nby ws\nby wss\n');
  const environment = { LOCKSTEP_LOGIN: 'ann', LOCKSTEP_PASSCODE: 'secret' };
  t.equal((await lockstep(['send', bench.uri('ws'), '/queue/a', 'x'], environment)).code, 0);
  const socket = connect({ host: 'localhost', port: bench.port('stomp') });
  t.teardown(() => socket.destroy());
  socket.write('CONNECT\naccept-version:1.2\nhost:x\nlogin:ann\npasscode:secret\n\n\0');
  const [connected] = (await once(socket, 'data')) as [Buffer];
  t.match(connected.toString(), `failover:failover:(tcp://localhost:${bench.port('stomp')})\n`);
  const page = new WebSocket(bench.uri('wss'), { ca: authority.cert });
  t.teardown(() => page.terminate());
  await once(page, 'open');
  page.send('CONNECT\naccept-version:1.2\nhost:x\nlogin:ann\npasscode:secret\n\n\0');
  const [secure] = (await once(page, 'message')) as [Buffer];
  t.match(secure.toString(), `failover:failover:(wss://localhost:${bench.port('wss')})\n`);
});

t.test('what is refused, in words', async (t) => {
  const bench = await Bench.start(t);
  const [uri, secure] = [bench.uri('stomp'), bench.uri('stomps')];
  const cases: readonly (readonly [string[], number, RegExp])[] = [
    [['send', uri, 'a', 'x'], 1, /the broker refused: CONNECT: this broker asks for a login and a passcode/],
    [['send', uri, 'a', 'x', ...bench.login('eve')], 1, /refused: CONNECT: no user eve with this passcode/],
    [['send', uri, 'a', 'x', ...bench.login('bob')], 1, /refused: SEND \/queue\/a: user bob has no write permission/],
    [['receive', uri, 'a', ...bench.login('bob')], 1, /refused: SUBSCRIBE \/queue\/a: user bob has no read permission/],
    [
      ['send', secure, 'a', 'x', '--ca', bench.file('other.crt')],
      1,
      /localhost:\d+ is not trusted: its certificate is signed by an authority that this node does not know; --ca names/,
    ],
    [['send', bench.uri('wss'), 'a', 'x', '--ca', bench.file('other.crt')], 1, /is not trusted/],
    [
      ['send', secure.replace('localhost', '127.0.0.1'), 'a', 'x', ...bench.login('ann')],
      1,
      /is not trusted: .*IP: 127\.0\.0\.1 is not in/,
    ],
    [['send', secure, 'a', 'x', '--ca', '/nowhere'], 2, /--ca: cannot read \/nowhere: there is no such file/],
  ];
  for (const [args, code, told] of cases) {
    const { code: exit, stderr } = await lockstep(args);
    t.equal(exit, code, args.join(' '));
    t.match(stderr, told);
  }
  t.equal((await lockstep(['send', uri, 'public.x', 'x', ...bench.login('bob')])).code, 0);
});

t.test('a certificate stands for a login', async (t) => {
  const bench = await Bench.start(t);
  const socket = connectTls({
    host: 'localhost',
    port: bench.port('stomps'),
    ...{ ca: authority.cert, cert: Buffer.from(ann.cert), key: Buffer.from(ann.key) },
  });
  t.teardown(() => socket.destroy());
  socket.write('CONNECT\naccept-version:1.2\nhost:x\n\n\0SEND\ndestination:/queue/a\nreceipt:r\n\n\0');
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes('RECEIPT')) break;
  }
  t.match(text, /^CONNECTED\n[^]*RECEIPT\nreceipt-id:r\n/);
});

/** What the node says to a client that logs in and sends a message, up to its receipt or its end. */
async function answer(socket: Socket, passcode: string): Promise<string> {
  socket.on('error', () => {});
  socket.write(`CONNECT\naccept-version:1.2\nhost:x\nlogin:ann\npasscode:${passcode}\n\n\0`);
  socket.write('SEND\ndestination:/queue/a\nreceipt:r\n\n\0');
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes('RECEIPT')) break;
  }
  return text;
}

t.test('SIGHUP: users, permissions, certificates and log level; a bad file changes nothing', async (t) => {
  const bench = await Bench.start(t);
  const sending = (passcode: string): Promise<string> =>
    answer(connect({ host: 'localhost', port: bench.port('stomp') }), passcode);
  const idle = connect({ host: 'localhost', port: bench.port('stomp') });
  t.teardown(() => idle.destroy());
  idle.write('CONNECT\naccept-version:1.2\nhost:x\nlogin:ann\npasscode:secret\n\n\0');
  await once(idle, 'data');
  const bad = await bench.reload('users: [{ name: ann, password: secret }]');
  t.match(bad, { level: 'error', why: /lockstep\.yaml:1:22: users\.0\.password: 'secret': must be a hash/ });
  t.match(await sending('secret'), /RECEIPT/, 'as before');
  const renewed = await makeCertificate(other, { name: 'broker', dns: ['localhost'] });
  await writeFile(bench.file('host.crt'), renewed.cert);
  const mismatch = await bench.reload(configuration({ ann: changed }, EVERYTHING));
  t.match(mismatch, { level: 'error', why: /tls\.key: .*host\.key is not the key to/ });
  t.match(await sending('secret'), /RECEIPT/, 'nothing of it counts');
  await writeFile(bench.file('host.key'), renewed.key);
  const gone = once(idle, 'data');
  const more = 'log: { level: warn }\nlimits: { headers: 99 }';
  const good = await bench.reload(configuration({ ann: changed }, '[]', more));
  t.match(good, { level: 'warn', msg: 'changed, and to be read at the next start', keys: 'limits' }, 'no line of less');
  t.match(String((await gone)[0]), /^ERROR\nmessage:The passcode of ann has changed\\c log in again/);
  t.match(await sending('secret'), /no user ann with this passcode/);
  t.match(await sending('changed'), /user ann has no write permission/, 'permissions are other ones too');
  const [port, ca] = [bench.port('stomps'), other.cert];
  t.match(await answer(connectTls({ host: 'localhost', port, ca }), 'secret'), /ERROR/, 'by the new certificate');
});
