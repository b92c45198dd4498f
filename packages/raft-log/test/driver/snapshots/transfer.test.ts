import type { JournalPosition } from '@lockstep/kernel';
import { decodeText } from '@lockstep/kernel';
import t from 'tap';

import { Cluster } from '../cluster.ts';

const settings = { snapshotBytes: 4096, segmentBytes: 4096, tailBytesMax: 2048 };

async function founded(seed: number): Promise<Cluster> {
  const cluster = new Cluster(`transfer ${seed}`, { settings }).startAll();
  await cluster.untilLed();
  return cluster;
}

/** Commits so many records that stay live, and drops every third one of them. */
async function fill(cluster: Cluster, count: number, prefix = 'keep'): Promise<number[]> {
  const kept: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const position = await cluster.commit(`${prefix} ${at} ${'.'.repeat(100)}`);
    if (position === null) throw new Error(`not committed:\n${cluster.story()}`);
    if (at % 3 === 0) await cluster.commit(`drop ${position}`);
    else kept.push(position);
  }
  return kept;
}

function followers(cluster: Cluster): string[] {
  return cluster.names.filter((name) => name !== cluster.leader);
}

function wipe(cluster: Cluster, name: string): void {
  cluster.world.host(name).crash();
  cluster.world.host(name).replaceDisk();
}

async function caughtUp(cluster: Cluster, name: string): Promise<boolean> {
  const last = cluster.life(cluster.leader ?? '').machine.applied.at(-1)?.position;
  return cluster.until(() => cluster.life(name).machine.applied.at(-1)?.position === last);
}

/** Everything live at that member, read back from its own disk and cut off from the others. */
async function readBack(cluster: Cluster, name: string): Promise<Map<number, string>> {
  const { log, machine } = cluster.life(name);
  for (const other of cluster.names) if (other !== name) cluster.world.wires.cut(name, other);
  const positions = [...machine.live] as JournalPosition[];
  const read = await cluster.world.simulation.run(() => log?.readPayloads(positions) ?? Promise.resolve([]));
  cluster.world.wires.healAll();
  return new Map(read.map((found, at) => [positions[at] ?? 0, typeof found === 'string' ? found : decodeText(found)]));
}

/** What every member must find at those positions. */
function truth(cluster: Cluster): Map<number, string> {
  const { machine } = cluster.life(cluster.leader ?? '');
  return new Map(
    machine.applied.filter(({ position }) => machine.live.has(position)).map(({ position, text }) => [position, text]),
  );
}

function said(cluster: Cluster, name: string, what: RegExp): readonly string[] {
  return cluster.life(name).lines.filter((line) => what.test(line));
}

t.test('a member with an empty disk gets the state, the live records, and the log above', async (t) => {
  const cluster = await founded(1);
  const kept = await fill(cluster, 200);
  const victim = followers(cluster)[0] ?? '';
  wipe(cluster, victim);
  cluster.start(victim);
  t.ok(await caughtUp(cluster, victim), cluster.story());
  t.equal(said(cluster, victim, /live records are to be fetched/).length, 1);
  const expected = truth(cluster);
  t.same([...expected.keys()], kept);
  t.same(await readBack(cluster, victim), expected);
  t.ok(await cluster.until(() => cluster.life(victim).log?.status.raft?.standing === 'voter'));
});

t.test('a member that was away for long is sent only what it lacks', async (t) => {
  const cluster = await founded(2);
  await fill(cluster, 100, 'keep early');
  const away = followers(cluster)[0] ?? '';
  t.ok(await caughtUp(cluster, away));
  cluster.kill(away);
  const late = await fill(cluster, 100, 'keep late');
  cluster.start(away);
  t.ok(await caughtUp(cluster, away), cluster.story());
  const [line = ''] = said(cluster, away, /(\d+) of its (\d+) live records are to be fetched/);
  const [, fetched, all] = (/(\d+) of its (\d+) live/.exec(line) ?? []).map(Number);
  t.ok(all !== undefined && fetched !== undefined && fetched <= late.length && all - fetched >= 40, line);
  t.same(await readBack(cluster, away), truth(cluster));
});
