import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import t from 'tap';

import { ProcessCluster } from '../harness/process-cluster.ts';
import { RawClient } from '../harness/raw-client.ts';

/** What every library must get through, in this order; each program prints `ok STEP`. Behind them the master is killed. */
const steps = [
  'connect',
  'wrong passcode',
  'receipt',
  'ack auto',
  'ack client',
  'ack client-individual',
  'nack',
  'commit',
  'abort',
  'heart-beats kept',
  'heart-beats broken',
  'binary',
  'UTF-8',
  '5 MB',
];

/** The passcode of the one user is `test`. */
const users = `
users:
  - name: test
    password: scrypt$ln=14,r=8,p=1$+q7CHF3O1aXOB0BvibS0pw$0lrEurnHA2TCY7AvU+FLK0S36uJKIHWWFR29/kZE034
`;

const programs = new URL('../../clients/programs/', import.meta.url);

interface Library {
  readonly name: string;
  readonly command: readonly string[];
  /** To which ports it connects; absent: those of TCP. */
  readonly by?: 'wsPort';
}

const libraries: readonly Library[] = [
  { name: 'stomp.py', command: ['/usr/bin/python3', fileURLToPath(new URL('tour_stomp_py.py', programs))] },
  { name: 'ruby', command: ['/usr/bin/ruby', fileURLToPath(new URL('tour_ruby.rb', programs))] },
  { name: 'Net::Stomp', command: ['/usr/bin/perl', fileURLToPath(new URL('tour_net_stomp.pl', programs))] },
  { name: 'php-stomp', command: ['/usr/bin/php', fileURLToPath(new URL('tour_php.php', programs))] },
  ...['stompit', 'stompjs', 'rx-stomp'].map((name) => ({
    name,
    command: [process.execPath, fileURLToPath(new URL('tours/node-tour.js', import.meta.url)), name],
  })),
  ...['stompjs by WebSocket', 'rx-stomp by WebSocket'].map((name) => ({
    name,
    command: [process.execPath, fileURLToPath(new URL('tours/node-tour.js', import.meta.url)), name],
    by: 'wsPort' as const,
  })),
];

/** A library's program at work. */
class Tour {
  readonly library: Library;
  /** In the names of its queues. */
  readonly id: string;
  readonly lines: string[] = [];
  /** It has said `ready`, or it has ended. */
  readonly ready: Promise<void>;
  readonly ended: Promise<number | null>;

  constructor(library: Library, ports: readonly number[]) {
    this.library = library;
    this.id = library.name.replaceAll(/[^a-z]/gi, '');
    const [command = '', ...args] = library.command;
    const child = spawn('env', ['-u', 'NODE_OPTIONS', command, ...args, this.id, ...ports.map(String)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
    this.ended = new Promise((resolve) => child.once('close', resolve));
    this.ready = new Promise((resolve) => {
      child.stdout.on('data', () => {
        if (this.lines.includes('ready')) resolve();
      });
      child.once('close', () => resolve());
    });
  }

  get steps(): readonly string[] {
    return this.lines.filter((line) => line.startsWith('ok ')).map((line) => line.slice(3));
  }
}

/** Those that connect again by themselves are given a message on the subscription that they had. */
async function wake(port: number, tours: readonly Tour[]): Promise<void> {
  const client = await RawClient.open(port);
  client.say('CONNECT\naccept-version:1.2\nhost:h\nlogin:test\npasscode:test\n\n\0');
  await client.frame('CONNECTED');
  for (const { id } of tours) {
    client.say(`SEND\ndestination:/queue/${id}-wake\nreceipt:${id}\n\nwake\0`);
    await client.receipt(id);
  }
  client.drop();
}

t.test('client libraries on a tour of the protocol, and the master is killed', async (t) => {
  const cluster = await ProcessCluster.start({ config: users });
  t.teardown(async () => cluster.stop(!t.passing()));
  const master = await cluster.settled();
  const others = cluster.nodes.filter((node) => node !== master);
  const nodes = [master, ...others];
  const tours = libraries.map(
    (library) =>
      new Tour(
        library,
        nodes.map((node) => node[library.by ?? 'stompPort']),
      ),
  );
  await Promise.all(tours.map(async ({ ready }) => ready));
  for (const tour of tours) t.same(tour.steps, steps, `${tour.library.name} before the kill`);
  await cluster.kill(master);
  await wake((await cluster.master(master)).stompPort, tours);
  for (const tour of tours) {
    const code = await tour.ended;
    t.equal(code, 0, `${tour.library.name} ends well`);
    t.same(tour.steps, [...steps, 'reconnect'], `${tour.library.name} goes on at another node`);
    if (code !== 0) t.comment(tour.lines.join('\n'));
  }
});
