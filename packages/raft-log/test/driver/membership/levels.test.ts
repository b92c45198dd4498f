import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import type { MemberOutcome } from '../../../src/driver/membership/member-changes.ts';
import { SpokenLevels } from '../../../src/driver/membership/spoken-levels.ts';
import type { MemberStatus } from '../../../src/driver/replicated-log-options.ts';
import type { MembershipChange } from '../../../src/node/index.ts';
import { Cluster } from '../cluster.ts';
import { HandClock } from '../storage/harness.ts';

const id = (name: string): NodeId => name as NodeId;
const at = (...names: string[]) => names.map((name) => ({ id: id(name), address: { host: name, port: 7000 } }));
const small = { snapshotBytes: 4096, segmentBytes: 4096, tailBytesMax: 2048 };

async function commitMany(cluster: Cluster, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 1) await cluster.commit(`keep ${i}`, 100);
}

function said(cluster: Cluster, name: string, text: RegExp): number {
  return cluster.life(name).lines.filter((line) => text.test(line)).length;
}

t.test('a member that is too old to fetch records says so, and so does the leader: once for each stay', async (t) => {
  const cluster = new Cluster('too old', { settings: small });
  cluster.start('a');
  // With c too the level stays.
  for (const name of ['b', 'c']) cluster.start(name, { levelMax: 1 });
  const leader = await cluster.untilLed();
  t.equal(leader, 'a', 'as the seed has it');
  const ofLeader =
    /WARN node b is too far behind for the log\. What it lacks of the \d+ live records travels at level 2, and its program speaks none above 1/;
  const ofMember =
    /WARN this node lacks \d+ live records of the snapshot, which travel at level 2, and its program speaks none above 1: it is down until it is upgraded/;
  for (const stay of [1, 2]) {
    cluster.world.host('b').crash();
    cluster.world.host('b').replaceDisk();
    await commitMany(cluster, 0, 60);
    cluster.start('b', { levelMax: 1 });
    t.ok(await cluster.until(() => said(cluster, 'b', ofMember) === 1), cluster.story());
    for (let i = 0; i < 10; i += 1) {
      await commitMany(cluster, 60, 70);
      await cluster.pass(2000);
    }
    t.ok(said(cluster, 'b', /receiving a snapshot/) > 0);
    t.equal(said(cluster, 'b', ofMember), 1);
    t.equal(said(cluster, leader, ofLeader), stay);
    cluster.kill('b');
    cluster.start('b', { levelMax: null });
    const has = (): boolean => cluster.texts('b').length === cluster.texts(leader).length;
    t.ok(await cluster.until(has), 'the remedy helps');
    t.equal(said(cluster, 'b', ofMember), 0);
  }
});

async function change(cluster: Cluster, on: string, what: MembershipChange): Promise<MemberOutcome | null> {
  let outcome: MemberOutcome | null = null;
  const asked = cluster.life(on).log!.members.change(what);
  void asked.then((found) => (outcome = found));
  await cluster.until(() => outcome !== null, 20_000);
  return outcome;
}

const add = (name: string): MembershipChange => ({
  add: [{ id: id(name), role: 'voter', witness: false, address: `${name}:7000` }],
});

t.test(
  'a node that is known to be too old is not added; of one that proves to be, the members say what is waited for',
  async (t) => {
    const cluster = new Cluster('add old', {
      names: ['a', 'b', 'c', 'd', 'e'],
      changes: () => ({ members: at('a', 'b', 'c') }),
    });
    for (const name of ['a', 'b', 'c']) cluster.start(name);
    const leader = await cluster.untilLed();
    const follower = ['a', 'b', 'c'].find((name) => name !== leader)!;
    t.ok(await cluster.until(() => cluster.life(leader).log?.status.level === 2));
    cluster.start('d', { members: at('d', leader, follower), levelMax: 1 });
    await cluster.pass(3000);
    const reason = 'node d: its program speaks no level above 1, and level 2 is in use: it must be upgraded';
    for (const asked of [leader, follower])
      t.same(await change(cluster, asked, add('d')), { done: false, why: 'refused', reason });

    t.same(await change(cluster, leader, add('e')), { done: true }, 'of this one nothing is known');
    cluster.start('e', { members: at('e', leader), levelMax: 1 });
    const e = (): MemberStatus | undefined =>
      cluster.life(leader).log?.status.members.find((one) => one.id === id('e'));
    t.ok(await cluster.until(() => e()?.obstacle !== undefined), cluster.story());
    t.match(e(), {
      part: 'joining',
      obstacle: 'its program speaks no level above 1, and level 2 is in use: it must be upgraded',
    });
    cluster.kill('e');
    cluster.start('e', { members: at('e', leader), levelMax: null });
    t.ok(await cluster.until(() => e()?.part === 'voter'), cluster.story());
    t.equal(e()?.obstacle, undefined);
    cluster.kill('d');
    cluster.start('d', { members: at('d', leader), levelMax: null });
    await cluster.pass(3000);
    t.same(await change(cluster, leader, add('d')), { done: true }, 'upgraded');
  },
);

t.test('what strangers say of themselves is remembered of so many alone, and not for long', (t) => {
  let now = 0;
  const clock = new HandClock();
  clock.monotonicMs = () => now;
  const spoken = new SpokenLevels(clock);
  for (let i = 0; i < 1000; i += 1) spoken.heard(id(`node ${i}`), { min: 1, max: 1 });
  t.equal(spoken.of(id('node 0')), null);
  t.same(spoken.of(id('node 999')), { min: 1, max: 1 });
  now = 31_000;
  t.equal(spoken.of(id('node 999')), null);
  t.end();
});
