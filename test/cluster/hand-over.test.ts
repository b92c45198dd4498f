import { readFileSync } from 'node:fs';

import t from 'tap';

import type { ProcessNode } from '../harness/process-cluster.ts';
import { lockstep, ProgramRun } from '../harness/program-runs.ts';
import { underLoad } from '../harness/under-load.ts';

interface LogLine {
  readonly msg: string;
  readonly time: string;
  readonly role?: string;
}

function logOf(node: ProcessNode): readonly LogLine[] {
  const lines = readFileSync(`${node.data}.log`, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
}

/** Each time that one of these became master, as they say themselves. */
function masterTimes(nodes: readonly ProcessNode[]): readonly string[] {
  const roles = nodes.flatMap((node) => logOf(node).filter(({ msg }) => msg === 'role'));
  return roles.filter(({ role }) => role === 'master').map(({ time }) => time);
}

t.test('a master that is stopped by SIGTERM hands mastership over before it ends, and nothing is lost', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    for (let round = 0; round < 3; round++) {
      const master = await cluster.settled();
      const child = master.process!;
      const before = logOf(master).length;
      const others = cluster.nodes.filter((node) => node !== master);
      const earlier = new Set(masterTimes(others));
      await cluster.kill(master, 'SIGTERM');
      t.equal(child.exitCode, 0, 'it ended well');
      const told = logOf(master).slice(before);
      const handed = told.findIndex(({ msg }) => msg === 'handed mastership over');
      t.ok(handed >= 0, 'it says so');
      const stopped = told.findIndex(({ msg }) => msg === 'stopped');
      t.ok(stopped > handed, 'and only then it stopped');
      const since = masterTimes(others).filter((time) => !earlier.has(time));
      const stoppedAt = told[stopped]!.time;
      t.ok(
        since.some((time) => time <= stoppedAt),
        `another was master by ${stoppedAt}, when it stopped: ${since.join(', ')}`,
      );
      await progress(300);
      cluster.revive(master);
      await progress(300);
    }
  });
});

t.test('all three restarted one after the other, under load', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    for (const node of cluster.nodes) {
      await cluster.settled();
      await cluster.kill(node, 'SIGTERM');
      await progress(200);
      cluster.revive(node);
      await progress(200);
    }
    await cluster.settled();
  });
});

t.test('send and receive go on through a fail-over by their failover: URI', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    const master = await cluster.settled();
    const following = new ProgramRun(['receive', cluster.failoverUri, '/queue/tour', '--follow']);
    t.teardown(() => following.child.kill('SIGKILL'));
    t.equal((await lockstep('send', cluster.failoverUri, '/queue/tour', 'before')).code, 0);
    await following.line(/^before$/);
    await cluster.kill(master);
    const sent = await lockstep('send', cluster.failoverUri, '/queue/tour', 'at once');
    t.same([sent.code, sent.stderr], [0, '']);
    await following.line(/^at once$/);
    following.child.kill('SIGTERM');
    t.equal((await following.ended).code, 0);
    const single = await lockstep('send', `tcp://127.0.0.1:${master.stompPort}`, '/queue/tour', 'x');
    t.equal(single.code, 3, 'the node itself is down');
    const refused = await lockstep('send', cluster.failoverUri, '/queue/*', 'x');
    t.equal(refused.code, 1, refused.stderr);
    await progress(100);
  });
});
