import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import t from 'tap';

import { ProcessCluster } from '../harness/process-cluster.ts';
import { RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

/** The passcode of the one user is `test`. */
const users = `
users:
  - name: test
    password: scrypt$ln=14,r=8,p=1$+q7CHF3O1aXOB0BvibS0pw$0lrEurnHA2TCY7AvU+FLK0S36uJKIHWWFR29/kZE034
`;

/** Each line of the file `in` becomes a message; with `ack(yes)` syslog-ng waits for the receipt of each. */
function configuration(directory: string, port: number, password: string): string {
  const login = `username("test") password("${password}")`;
  return `@version: 3.35
options { time-reopen(1); };
source lines { file("${directory}/in" follow-freq(0.1) flags(no-parse)); };
destination broker {
  stomp(host("127.0.0.1") port(${port}) ${login} destination("/queue/log") ack(yes) persistent(yes)
    retries(1000) body("$MSG") value-pairs(pair("program" "octopus")));
};
log { source(lines); destination(broker); flags(flow-control); };
`;
}

/** In the foreground, and all its files in that directory. */
class SyslogNg {
  output = '';
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  static async start(directory: string, port: number, password: string): Promise<SyslogNg> {
    const file = join(directory, 'syslog-ng.conf');
    await writeFile(file, configuration(directory, port, password));
    const files = ['-f', file, '-R', join(directory, 'persist'), '-c', join(directory, 'control')];
    const args = ['-u', 'NODE_OPTIONS', '/usr/sbin/syslog-ng', '-F', '-e', '-d', '--no-caps', ...files];
    return new SyslogNg(
      spawn('env', [...args, '--pidfile', join(directory, 'pid')], { stdio: ['ignore', 'ignore', 'pipe'] }),
    );
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await gone;
  }
}

t.test("syslog-ng's STOMP destination: receipts, a wrong passcode, and its node dies and comes back", async (t) => {
  const cluster = await ProcessCluster.start({ config: users });
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-syslog-ng-'));
  t.teardown(async () => cluster.stop(!t.passing()));
  t.teardown(async () => rm(directory, { recursive: true, force: true }));
  const master = await cluster.settled();
  const [other] = cluster.nodes.filter((node) => node !== master);
  const consumer = await RawClient.open(other!.stompPort);
  t.teardown(() => consumer.drop());
  consumer.say('CONNECT\naccept-version:1.2\nhost:h\nlogin:test\npasscode:test\n\n\0');
  await consumer.frame('CONNECTED');
  consumer.say('SUBSCRIBE\nid:1\ndestination:/queue/log\n\n\0');
  const line = async (text: string): Promise<void> => appendFile(join(directory, 'in'), `${text}\n`);
  const message = async (body: string): Promise<Readonly<Record<string, string>>> =>
    (await consumer.frameWhere(body, (frame) => frame.command === 'MESSAGE' && frame.body.toString() === body)).headers;

  await line('one 🐙');
  const stranger = await SyslogNg.start(directory, master.stompPort, 'wrong');
  t.teardown(async () => stranger.stop());
  await until('syslog-ng to be told', () => stranger.output.includes('did not accept CONNECT'));
  await stranger.stop();
  t.equal(consumer.count('MESSAGE'), 0, 'with a wrong passcode nothing comes');

  const syslog = await SyslogNg.start(directory, master.stompPort, 'test');
  t.teardown(async () => syslog.stop());
  const headers = await message('one 🐙');
  t.equal(headers['program'], 'octopus', 'a name-value pair is a header');
  t.equal(headers['persistent'], 'true');
  await line('two');
  await message('two');

  await cluster.kill(master);
  await line('three');
  await cluster.master(master);
  cluster.revive(master);
  await message('three');
  await line('four');
  await message('four');
  const bodies = consumer.frames.filter(({ command }) => command === 'MESSAGE').map(({ body }) => body.toString());
  t.same([...new Set(bodies)], ['one 🐙', 'two', 'three', 'four'], 'in order, nothing is lost');
});
