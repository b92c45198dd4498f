import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import t from 'tap';
import type { Test } from 'tap';

import { freeBasePort } from '../harness/free-ports.ts';
import { lockstep, ProgramRun } from '../harness/program-runs.ts';
import { until } from '../harness/until.ts';

const ids = ['a', 'b', 'c'];

interface Runner {
  readonly run: ProgramRun;
  readonly uri: string;
  readonly data: string;
  /** The process of a node, by the lock on its data directory. */
  pid(id: string): number;
}

/** `lockstep cluster`, ready. */
async function runner(t: Test): Promise<Runner> {
  const data = join(t.testdir({}), 'cluster');
  const base = await freeBasePort(ids.length);
  const run = new ProgramRun(['cluster', '--base-port', String(base), '--data', data]);
  t.teardown(() => run.child.kill('SIGKILL'));
  const uri = (await run.line(/^ready /)).slice('ready '.length);
  t.equal(uri, `failover:(${[0, 10, 20].map((more) => `tcp://127.0.0.1:${base + more}`).join(',')})`);
  return { run, uri, data, pid: (id) => Number(readFileSync(join(data, id, 'lock'), 'utf8').split('\n')[0]) };
}

/** Resolves when there is no such process; a zombie is none. */
async function gone(pid: number): Promise<void> {
  await until(`process ${pid} to end`, () => {
    if (!existsSync(`/proc/${pid}/stat`)) return true;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  });
}

t.test('a local cluster is ready, survives the loss of its master, and ends well', async (t) => {
  const { run, uri, pid } = await runner(t);
  const first = /^\S+ {2}(\w) is the master$/.exec(await run.line(/is the master$/))?.[1] ?? '';
  t.match((await lockstep('send', uri, '/queue/q', 'kept')).code, 0);
  process.kill(pid(first), 'SIGKILL');
  t.match(await run.line(/ was ended by SIGKILL$/), ` ${first} was ended by SIGKILL`);
  t.match(await run.line(/is the master, \d+\.\d\d s after/), ` s after ${first} was ended by SIGKILL`);
  const received = await lockstep('receive', uri, '/queue/q');
  t.same([received.code, received.stdout], [0, 'kept\n']);
  const pids = ids.filter((id) => id !== first).map(pid);
  run.child.kill('SIGTERM');
  t.equal((await run.ended).code, 0);
  await Promise.all(pids.map(gone));
});

t.test('a port that is taken ends all nodes: exit code 1, the port and the flag', async (t) => {
  const base = await freeBasePort(ids.length);
  for (const [port, told] of [
    [base + 10, `port ${base + 10}, the STOMP port of node b (--stomp 127.0.0.1:${base + 10}), is in use`],
    [base + 26, `port ${base + 26}, the peer port of node c (--peer-listen 127.0.0.1:${base + 26}), is in use`],
    [base + 7, `port ${base + 7}, the admin port of node a (--admin 127.0.0.1:${base + 7}), is in use`],
  ] as const) {
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    t.equal((other.address() as AddressInfo).port, port);
    const { code, stderr } = await lockstep('cluster', '--base-port', String(base), '--data', t.testdir({}));
    t.equal(code, 1);
    t.match(stderr, `lockstep: ${told} by another program; --base-port chooses others\n`);
    other.close();
  }
});

t.test('the nodes end with their runner, even with one that is killed with SIGKILL', async (t) => {
  const { run, pid } = await runner(t);
  const pids = ids.map(pid);
  run.child.kill('SIGKILL');
  await Promise.all(pids.map(gone));
  t.equal(new Set(pids).size, 3);
});

t.test('data are kept from run to run, and for one runner at a time', async (t) => {
  const first = await runner(t);
  t.equal((await lockstep('send', first.uri, '/queue/q', 'kept')).code, 0);
  const base = String(await freeBasePort(ids.length));
  const second = await lockstep('cluster', '--base-port', base, '--data', first.data);
  t.equal(second.code, 2);
  t.match(second.stderr, `${first.data} is in use by process ${first.run.child.pid}, which runs a cluster there`);
  first.run.child.kill('SIGINT');
  t.equal((await first.run.ended).code, 0);
  const again = new ProgramRun(['cluster', '--base-port', base, '--data', first.data]);
  t.teardown(() => again.child.kill('SIGKILL'));
  const uri = (await again.line(/^ready /)).slice('ready '.length);
  t.equal((await lockstep('receive', uri, '/queue/q')).stdout, 'kept\n', 'though the ports are others');
});
