import { join } from 'node:path';

import t from 'tap';

import { NodeNetwork } from '../../src/ports/node-network.ts';
import { lockstep } from './program.ts';
import { makeAuthority, makeCertificate } from '../certificates.ts';

/** A port at which nobody listens: one that was free a moment ago. */
async function deadPort(): Promise<number> {
  const listener = await new NodeNetwork().listen({ host: '127.0.0.1', port: 0 }, (connection) => connection.destroy());
  await listener.close();
  return listener.address.port;
}

t.test('help and version are fine', async (t) => {
  const help = await lockstep(['--help']);
  t.equal(help.code, 0);
  for (const command of [
    'start',
    'cluster',
    'status',
    'explain',
    'send',
    'receive',
    'verify',
    'export',
    'import',
    'repair',
    'check-config',
    'passwd',
    'schema',
  ]) {
    t.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
  }
  const version = await lockstep(['--version']);
  t.equal(version.code, 0);
  t.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

t.test('wrong usage: exit code 2, and what is right', async (t) => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['sned'], /unknown command 'sned'\n.*Did you mean send/s],
    [['start', '--bogus'], /unknown option '--bogus'/],
    [['start', 'x'], /too many arguments/],
    [['start', '--ws', '70000'], /^--ws: listeners\.0\.ws: '70000': must be \[HOST:\]PORT/m],
    [
      ['start', '--config', '/nowhere.yaml'],
      /^lockstep: --config: cannot read \/nowhere\.yaml: there is no such file$/m,
    ],
    [['send', 'tcp:/x', '/queue/a'], /bad broker URI/],
    [
      ['send', 'tcp://127.0.0.1:1', '/queue/a', '--count', 'many'],
      /^lockstep: --count: 'many': must be a whole number/m,
    ],
    [['send', 'tcp://127.0.0.1:1', '/queue/a', '--header', 'x'], /^lockstep: --header: 'x': must be NAME:VALUE$/m],
    [['receive', 'tcp://127.0.0.1:1', '/queue/a', '--ack', 'never'], /--ack: 'never': must be one of auto, client, /],
    [['explain'], /missing required argument/],
    [['explain', '/nothing'], /^lockstep: '\/nothing': must be \/queue\/NAME, \/topic\/NAME, NAME .*message-id/m],
    [['explain', 'x', '--admin', 'ftp://x'], /--admin: 'ftp:\/\/x': must be a URL/],
    [['status', '--admin', 'ftp://x'], /--admin: 'ftp:\/\/x': must be a URL/],
    [['cluster', '--nodes', 'three'], /--nodes: 'NaN': must be a whole number from 1 to 9/],
  ];
  for (const [args, told] of cases) {
    const { code, stderr } = await lockstep(args);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, told);
  }
});

t.test('nobody there: exit code 3, and what to do', async (t) => {
  const port = await deadPort();
  const send = await lockstep(['send', `tcp://ann:secret@127.0.0.1:${port}`, '/queue/a', 'x']);
  t.equal(send.code, 3);
  t.equal(
    send.stderr,
    `lockstep: nobody answers at 127.0.0.1:${port}: is the broker running? \`lockstep start\` starts one, \`lockstep cluster\` three\n`,
  );
  const uri = `failover:(tcp://127.0.0.1:${port})?startupMaxReconnectAttempts=1`;
  const receive = await lockstep(['receive', uri, '/queue/a']);
  t.equal(receive.code, 3);
  const explain = await lockstep(['explain', '/queue/a', '--admin', `127.0.0.1:${port}`]);
  t.equal(explain.code, 3);
  const status = await lockstep(['status', '--admin', `127.0.0.1:${port}`]);
  t.equal(status.code, 3);
  t.equal(
    status.stderr,
    `lockstep: nobody answers at 127.0.0.1:${port}: is the node running, and is its admin port there? \`--admin URL\` names another\n`,
  );
});

t.test('a node that lets nobody in, as without a master: exit code 3, and where to look', async (t) => {
  const listener = await new NodeNetwork().listen({ host: '127.0.0.1', port: 0 }, (connection) => {
    connection.start({ data: () => connection.destroy(), drain() {}, end() {}, close() {} });
  });
  t.teardown(() => listener.close());
  const { port } = listener.address;
  const { code, stderr } = await lockstep(['send', `tcp://127.0.0.1:${port}`, '/queue/a', 'x']);
  t.equal(code, 3);
  t.match(
    stderr,
    `lockstep: 127.0.0.1:${port} closed the connection before it let this client in: it may have no master; `,
  );
});

t.test('a host whose name nobody knows', async (t) => {
  const { code, stderr } = await lockstep(['send', 'tcp://broker.invalid:61613', '/queue/a', 'x']);
  t.equal(code, 3);
  t.equal(stderr, 'lockstep: nobody answers at broker.invalid:61613: no address is known for the name of the host\n');
});

t.test('check-config', async (t) => {
  const directory = t.testdir({
    'good.yaml': 'node: b\ncluster: { members: { a: "127.0.0.1:1", b: "127.0.0.1:2" }, secretFile: secret }\n',
    secret: 'sixteen bytes and some more\n',
    'bad.yaml': 'nod: b\n',
    'short.yaml': 'cluster: { secretFile: short }\n',
    short: 'short\n',
  });
  const good = await lockstep(['check-config', join(directory, 'good.yaml')]);
  t.equal(good.code, 0);
  t.equal(good.stdout, `${join(directory, 'good.yaml')} is right: node 'b' of broker 'lockstep', one of 2 nodes\n`);
  const bad = await lockstep(['check-config', join(directory, 'bad.yaml')]);
  t.equal(bad.code, 2);
  t.equal(bad.stderr, `${join(directory, 'bad.yaml')}:1:1: nod: there is no such key; did you mean 'node'?\n`);
  const short = await lockstep(['check-config', join(directory, 'short.yaml')]);
  t.equal(short.code, 2);
  t.match(short.stderr, /cluster\.secretFile: .*short holds 5 bytes: must hold at least 16 /);
});

t.test('check-config looks into the files of cluster.tls', async (t) => {
  const ours = await makeAuthority('ours');
  const a = await makeCertificate(ours, { name: 'a' });
  const b = await makeCertificate(ours, { name: 'b', uris: ['lockstep://paris/b'] });
  const text = (pem: Uint8Array): string => Buffer.from(pem).toString();
  const config = (cert: string, key: string, ca: string): string =>
    `node: a\nbroker: lyon\ncluster: { members: { a: "10.0.0.1:1", b: "10.0.0.2:1" }, tls: { cert: ${cert}, key: ${key}, ca: ${ca} } }\n`;
  const files = {
    'a.crt': text(a.cert),
    'a.key': text(a.key),
    ca: text(a.ca),
    'b.crt': text(b.cert),
    'b.key': text(b.key),
  };
  const cases: [string, string, RegExp | null][] = [
    ['right', config('a.crt', 'a.key', 'ca'), null],
    [
      'missing',
      config('a.crt', 'c.key', 'ca'),
      /^lockstep: cluster\.tls\.key: cannot read .*c\.key: there is no such file/,
    ],
    [
      'swapped',
      config('a.key', 'a.crt', 'ca'),
      /^lockstep: cluster\.tls\.cert: .*a\.key holds no certificate: must be PEM/,
    ],
    ['no-ca', config('a.crt', 'a.key', 'a.key'), /^lockstep: cluster\.tls\.ca: .*a\.key holds no certificate/],
    ['other-key', config('a.crt', 'b.key', 'ca'), /^lockstep: cluster\.tls\.key: .*b\.key is not the key to .*a\.crt/],
    [
      'other-node',
      config('b.crt', 'b.key', 'ca'),
      /is for CN:b, URI:lockstep:\/\/paris\/b: must be for node a: common name or DNS name a, or the URI lockstep:\/\/lyon\/a\n$/,
    ],
    ['half', 'cluster: { tls: { cert: a.crt, key: a.key } }\n', /cluster\.tls\.ca: is missing; it must be a path/],
  ];
  const directory = t.testdir({ ...files, ...Object.fromEntries(cases.map(([name, yaml]) => [`${name}.yaml`, yaml])) });
  for (const [name, , told] of cases) {
    const { code, stderr } = await lockstep(['check-config', join(directory, `${name}.yaml`)]);
    t.equal(code, told === null ? 0 : 2, name);
    t.match(stderr, told ?? /^$/, name);
  }
});

t.test('schema prints JSON', async (t) => {
  const { code, stdout } = await lockstep(['schema']);
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { type: 'object', properties: { broker: { type: ['string', 'number'] } } });
});

t.test('members and transfer: what is not well-formed, or answered by nobody', async (t) => {
  const nowhere = ['--admin', '127.0.0.1:1'];
  const cases: [readonly string[], number, RegExp][] = [
    [['members', ...nowhere], 3, /nobody answers at 127\.0\.0\.1:1/],
    [['members', 'add', 'd', ...nowhere], 2, /'d': must be ID=HOST:PORT/],
    [['members', 'add', 'd=61619', ...nowhere], 2, /must be ID=HOST:PORT/],
    [['members', 'add', 'd e=h:1', ...nowhere], 2, /a member's id must be 1 to 64 of the characters/],
    [['members', 'add', 'd=h:1', ...nowhere], 3, /nobody answers/],
    [['members', 'remove', 'a/b', ...nowhere], 2, /a member's id must be/],
    [['members', 'demote', 'a'], 2, /too many arguments|unknown command/],
    [['transfer', 'b', ...nowhere], 3, /nobody answers/],
    [['recover', '/nowhere', '--yes'], 2, /say `--sole-member`/],
    [['recover', '/nowhere', '--sole-member', '--yes'], 2, /there is no such directory/],
  ];
  for (const [args, code, pattern] of cases) {
    const ended = await lockstep(args);
    t.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`);
    t.match(ended.stderr, pattern);
  }
});
