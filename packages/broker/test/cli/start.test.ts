import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';

import t from 'tap';
import type { Test } from 'tap';

import { Program } from './program.ts';

interface Started {
  readonly program: Program;
  readonly ready: Readonly<Record<string, unknown>>;
}

/** A node with free ports, ready; it ends with the test. */
async function started(
  t: Test,
  more: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<Started> {
  const program = new Program(['start', '--data', t.testdirName, '--stomp', '0', '--admin', '0', ...more], environment);
  t.teardown(() => program.child.kill('SIGKILL'));
  return { program, ready: await program.line('ready') };
}

t.test('ready names all ports, which are open; SIGTERM ends it well', async (t) => {
  t.testdir({});
  const { program, ready } = await started(t, [
    '--stomp',
    '0',
    '--node',
    'b',
    '--members',
    'b=127.0.0.1:9,c=127.0.0.1:8',
  ]);
  t.match(ready, { level: 'info', broker: 'lockstep', node: 'b', role: 'master', peers: '127.0.0.1:9' });
  const addresses = [...String(ready['stomp']).split(','), String(ready['admin'])];
  t.equal(addresses.length, 3);
  for (const address of addresses) {
    const socket = createConnection({ host: '127.0.0.1', port: Number(address.split(':')[1]) });
    await once(socket, 'connect');
    socket.destroy();
  }
  const health = await fetch(`http://${String(ready['admin'])}/healthz`);
  t.equal(health.status, 200);
  program.child.kill('SIGTERM');
  const { code, stdout } = await program.ended;
  t.equal(code, 0);
  t.match(stdout, /"why":"SIGTERM","msg":"stopping"/);
  t.match(stdout, /"msg":"stopped"/);
});

t.test('a second signal ends it at once', async (t) => {
  t.testdir({});
  const { program } = await started(t, [], { FAKE: 'stuck' });
  program.child.kill('SIGINT');
  await program.line('stopping');
  const again = setInterval(() => program.child.kill('SIGINT'), 100);
  const { code, stdout } = await program.ended;
  clearInterval(again);
  t.equal(code, 1);
  t.match(stdout, /asked to stop a second time/);
});

t.test('two signals at once, as from a terminal and from pnpm, are one', async (t) => {
  t.testdir({});
  const { program, ready } = await started(t, [], { FAKE: 'stuck' });
  program.child.kill('SIGINT');
  program.child.kill('SIGTERM');
  await program.line('stopping');
  const health = await fetch(`http://${String(ready['admin'])}/healthz`);
  t.equal(health.status, 200, 'it is still stopping cleanly');
});

t.test('it ends when the program that started it, and holds its standard input, has ended', async (t) => {
  t.testdir({});
  const { program } = await started(t, [], { LOCKSTEP_ENDS_WITH_STDIN: '1' });
  program.child.stdin.end();
  t.equal((await program.ended).code, 0);
});

t.test('otherwise its standard input means nothing', async (t) => {
  t.testdir({});
  const { program, ready } = await started(t);
  program.child.stdin.end();
  const health = await fetch(`http://${String(ready['admin'])}/healthz`);
  t.equal(health.status, 200);
  program.child.kill('SIGTERM');
  t.match((await program.ended).stdout, /"why":"SIGTERM"/);
});

t.test('a failed disk and a broken invariant end it, and the log says what to do', async (t) => {
  t.testdir({});
  for (const [fake, told, advice] of [
    ['disk', 'this node ends: sync journal/1.seg: EIO', 'check the disk'],
    ['assertion', 'this node ends: two and two are five', 'this is a bug in Lockstep: please report it'],
  ] as const) {
    const args = ['start', '--data', t.testdirName, '--stomp', '0'];
    const { code, stdout } = await new Program(args, { FAKE: fake }).ended;
    t.equal(code, 1, fake);
    const fatal = stdout.split('\n').filter((line) => line.includes('"level":"fatal"'));
    t.equal(fatal.length, 1);
    const line = JSON.parse(fatal[0] as string) as { msg: string; advice: string };
    t.equal(line.msg, told);
    t.match(line.advice, advice);
  }
});

t.test('a data directory is for one process, and for one node', async (t) => {
  t.testdir({});
  const { program } = await started(t);
  const args = ['start', '--data', t.testdirName, '--stomp', '0'];
  const second = await new Program(args, {}).ended;
  t.equal(second.code, 2);
  t.match(
    second.stderr,
    `lockstep: data: ${t.testdirName} is in use by process ${program.child.pid}: stop that one first`,
  );
  program.child.kill('SIGKILL');
  await program.ended;
  const other = await new Program([...args, '--node', 'b'], {}).ended;
  t.equal(other.code, 2);
  t.match(other.stderr, "belongs to node 'a' of broker 'lockstep', and this is node 'b' of broker 'lockstep'");
  const elsewhere = await new Program([...args, '--broker', 'lyon'], {}).ended;
  t.equal(elsewhere.code, 2);
  const again = await started(t);
  again.program.child.kill('SIGTERM');
  t.equal((await again.program.ended).code, 0, 'its own node may come back, even after SIGKILL');
});

t.test('a port that is taken: exit code 1, and which flag names another', async (t) => {
  t.testdir({});
  const { ready } = await started(t);
  const base = ['start', '--data', `${t.testdirName}-2`];
  const stomp = await new Program([...base, '--stomp', String(ready['stomp'])], {}).ended;
  t.equal(stomp.code, 1);
  t.match(stomp.stderr, `lockstep: --stomp ${String(ready['stomp'])}: the port is in use by another program`);
  const admin = await new Program([...base, '--stomp', '0', '--admin', String(ready['admin'])], {}).ended;
  t.equal(admin.code, 1);
  t.match(admin.stderr, `lockstep: --admin ${String(ready['admin'])}: the port is in use by another program`);
});

t.test('an address of another machine', async (t) => {
  const address = '203.0.113.5:61613';
  const args = ['start', '--data', t.testdir({}), '--stomp', address, '--anonymous'];
  const { code, stderr } = await new Program(args, {}).ended;
  t.equal(code, 1);
  t.match(stderr, `lockstep: --stomp ${address}: this machine has no such address`);
});

t.test('a data directory that cannot be one, or is damaged, and what to do', async (t) => {
  const directory = t.testdir({ file: '', damaged: { 'owner.json': '{' } });
  for (const [data, exitCode, told] of [
    ['file', 2, 'cannot be used: there is a file of that name: name another directory with --data'],
    ['file/below', 2, 'cannot be used: a part of that path is a file'],
    ['damaged', 1, 'is damaged: it should say which broker and node this data belongs to'],
  ] as const) {
    const args = ['start', '--data', join(directory, data), '--stomp', '0'];
    const { code, stderr } = await new Program(args, {}).ended;
    t.equal(code, exitCode, data);
    t.match(stderr, told);
  }
});

t.test('for people', async (t) => {
  t.testdir({});
  const program = new Program(['start', '--data', t.testdirName, '--stomp', '0', '--pretty'], { FAKE: 'disk' });
  const { stdout } = await program.ended;
  t.match(stdout, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: ready \{"role":"master",/m);
  t.match(stdout, /FATAL: this node ends/);
});
