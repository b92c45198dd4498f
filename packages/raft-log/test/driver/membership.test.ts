import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import type { MemberOutcome } from '../../src/driver/membership/member-changes.ts';
import type { MemberQuestions } from '../../src/driver/membership/own-questions.ts';
import type { ReplicatedLogOptions } from '../../src/driver/replicated-log-options.ts';
import type { MembershipChange } from '../../src/node/index.ts';
import { Cluster } from './cluster.ts';

const id = (name: string): NodeId => name as NodeId;
const port = 7000;
const at = (...names: string[]) => names.map((name) => ({ id: id(name), address: { host: name, port } }));
const listen = { host: '0.0.0.0', port };

/** a, b and c found it; the others of the world are configured as they are started. */
function threeOf(seed: string, others: readonly string[], changes: Partial<ReplicatedLogOptions> = {}): Cluster {
  const cluster = new Cluster(seed, {
    names: ['a', 'b', 'c', ...others],
    changes: () => ({ members: at('a', 'b', 'c'), ...changes }),
  });
  for (const name of ['a', 'b', 'c']) cluster.start(name);
  return cluster;
}

async function change(cluster: Cluster, on: string, what: MembershipChange): Promise<MemberOutcome> {
  let outcome: MemberOutcome | null = null;
  void cluster
    .life(on)
    .log!.members.change(what)
    .then((found) => (outcome = found));
  await cluster.until(() => outcome !== null, 20_000);
  if (outcome === null) throw new Error(`no outcome:\n${cluster.story()}`);
  return outcome;
}

const add = (name: string, more: { witness?: boolean } = {}): MembershipChange => ({
  add: [{ id: id(name), role: 'voter', witness: more.witness ?? false, address: `${name}:${port}` }],
});

const partOf = (cluster: Cluster, of: string, seenBy: string): string => {
  const member = cluster.life(seenBy).log?.status.members.find((one) => one.id === id(of));
  return member?.standing === 'abstaining' ? 'abstaining' : (member?.part ?? 'none');
};
const votersSeenBy = (cluster: Cluster, name: string): readonly string[] =>
  cluster.life(name).log?.raft?.configuration.voters.toSorted() ?? [];
/** The change is over, and all know it. */
async function settled(cluster: Cluster, names: readonly string[]): Promise<boolean> {
  const over = (name: string): boolean => {
    const { configuration, configurationCommitted } = cluster.life(name).log!.raft!.status;
    const { voters, votersOutgoing, learners } = configuration.configuration;
    return configurationCommitted && voters.length === names.length && votersOutgoing.length + learners.length === 0;
  };
  return cluster.until(() => names.every(over), 30_000);
}

const level = (cluster: Cluster, name: string): number => cluster.life(name).log?.status.level ?? 0;

async function untilLevel(cluster: Cluster, wanted: number, names: readonly string[]): Promise<boolean> {
  return cluster.until(() => names.every((name) => level(cluster, name) === wanted), 20_000);
}

async function allHave(cluster: Cluster, names: readonly string[]): Promise<boolean> {
  const applied = (name: string) => cluster.life(name).machine.applied;
  const most = (): number => Math.max(...names.map((name) => applied(name).length));
  const found = await cluster.until(() => names.every((name) => applied(name).length === most()), 30_000);
  const first = JSON.stringify(applied(names[0]!));
  return found && names.every((name) => JSON.stringify(applied(name)) === first);
}

t.test('a node that is added catches up and votes, whichever member is asked and whichever one it knows', async (t) => {
  const cluster = threeOf('add', ['d', 'e']);
  await cluster.untilLed();
  for (let i = 0; i < 20; i += 1) await cluster.commit(`before ${i}`);
  t.ok(await untilLevel(cluster, 2, ['a', 'b', 'c']));
  const follower = ['a', 'b', 'c'].find((name) => name !== cluster.leader)!;
  cluster.start('d', { members: at('d', follower) });
  await cluster.pass(3000);
  t.equal(cluster.life('d').log?.status.state, 'blank', 'nobody has asked it in');
  t.match(cluster.life(follower).lines.join('\n'), /d is not one of the members: `lockstep members add d=HOST:PORT`/);

  t.same(await change(cluster, follower, add('d')), { done: true });
  t.ok(await cluster.until(() => partOf(cluster, 'd', cluster.leader ?? 'a') === 'voter', 30_000), cluster.story());
  t.match(cluster.life('d').lines.join('\n'), /joins cluster/);
  t.same(await change(cluster, cluster.leader!, add('e')), { done: true });
  cluster.start('e', { members: at('e', 'a') });
  t.ok(await cluster.until(() => votersSeenBy(cluster, 'e').length === 5, 30_000), cluster.story());
  t.ok(await cluster.until(() => partOf(cluster, 'e', 'e') === 'voter'));
  await cluster.commit('with five');
  t.ok(await allHave(cluster, cluster.names));

  // Two of five may die now.
  for (const name of [cluster.leader!, follower]) cluster.kill(name);
  await cluster.until(() => cluster.leader !== null && cluster.life(cluster.leader).process.state === 'running');
  t.type(await cluster.commit('without two'), 'number');
});

t.test('the master itself is removed: another leads, and it says that it is no member any more', async (t) => {
  const cluster = threeOf('remove', []);
  const master = await cluster.untilLed();
  await cluster.commit('before');
  t.ok(await untilLevel(cluster, 2, cluster.names));
  const told: boolean[] = [];
  cluster.life(master).log?.onRemoved((removed) => told.push(removed));
  t.same(await change(cluster, master, { remove: [id(master)] }), { done: true });
  t.ok(await cluster.until(() => told.length > 0, 30_000), cluster.story());
  t.same(told, [true]);
  t.equal(cluster.life(master).log?.status.removed, true);
  const says = /no member of the cluster any more, and takes part no more/;
  t.ok(await cluster.until(() => cluster.life(master).lines.some((line) => says.test(line))), cluster.story());
  const next = await cluster.untilLed();
  t.not(next, master);
  t.same(
    votersSeenBy(cluster, next),
    cluster.names.filter((name) => name !== master),
  );
  t.type(await cluster.commit('after'), 'number');
  t.notOk(cluster.texts(master).includes('after'));

  // It stays so when it starts again, and disturbs nobody.
  const term = cluster.life(next).log?.status.raft?.term;
  cluster.kill(master);
  cluster.start(master);
  await cluster.pass(10_000);
  t.equal(cluster.life(master).log?.status.removed, true);
  t.equal(cluster.life(next).log?.status.raft?.term, term);
  const last = cluster.names.find((name) => name !== master && name !== next)!;
  t.same(await change(cluster, next, { remove: [id(last), id(next)] }), {
    done: false,
    why: 'refused',
    reason: 'nobody would be left to vote',
  });
});

t.test('a member that was removed while it was down is told by the others', async (t) => {
  const cluster = threeOf('removed while down', []);
  const master = await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, cluster.names));
  const gone = cluster.names.find((name) => name !== master)!;
  cluster.kill(gone);
  t.same(await change(cluster, master, { remove: [id(gone)] }), { done: true });
  t.ok(await cluster.until(() => votersSeenBy(cluster, master).length === 2, 20_000));
  await cluster.pass(10_000);
  cluster.start(gone);
  t.ok(await cluster.until(() => cluster.life(gone).log !== null));
  const told: boolean[] = [];
  cluster.life(gone).log?.onRemoved((removed) => told.push(removed));
  t.ok(await cluster.until(() => told.at(-1) === true, 20_000), cluster.story());
  t.equal(cluster.life(gone).log?.status.removed, true);
  t.match(
    cluster.life(gone).lines.join('\n'),
    new RegExp(`refuses this node: node ${gone} is no member of the cluster`),
  );
});

t.test('a dead node is replaced by another', async (t) => {
  const cluster = threeOf('replace', ['d']);
  await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, ['a', 'b', 'c']));
  const dead = ['a', 'b', 'c'].find((name) => name !== cluster.leader)!;
  cluster.world.host(dead).crash();
  await cluster.commit('one is dead');
  cluster.start('d', { members: at('d', ...['a', 'b', 'c'].filter((name) => name !== dead)) });
  t.same(await change(cluster, cluster.leader!, { ...add('d'), remove: [id(dead)] }), { done: true });
  const wanted = ['a', 'b', 'c', 'd'].filter((name) => name !== dead);
  t.ok(await cluster.until(() => votersSeenBy(cluster, 'd').join() === wanted.join(), 30_000), cluster.story());
  t.ok(await cluster.until(() => partOf(cluster, 'd', 'd') === 'voter'));
  await cluster.commit('whole again');
  t.ok(await allHave(cluster, wanted));
  const master = cluster.leader!;
  cluster.kill(wanted.find((name) => name !== master && name !== 'd')!);
  t.type(await cluster.commit('one more may die'), 'number');
});

t.test('a member moves to another address', async (t) => {
  const cluster = threeOf('move', ['elsewhere']);
  const master = await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, ['a', 'b', 'c']));
  const mover = ['a', 'b', 'c'].find((name) => name !== master)!;
  cluster.world.host(mover).crash();
  t.same(await change(cluster, master, { addresses: { [mover]: `elsewhere:${port}` } }), { done: true });
  cluster.start('elsewhere', { node: id(mover), members: at(master, mover) });
  t.ok(
    await cluster.until(
      () => cluster.life(master).log?.raft?.status.peers.find((peer) => peer.id === id(mover))?.alive === true,
      20_000,
    ),
    cluster.story(),
  );
});

t.test('rolling upgrade: what is new is used when all members know it, and never before', async (t) => {
  const cluster = threeOf('upgrade', ['d'], { levelMax: 1 });
  await cluster.untilLed();
  await cluster.commit('old');
  const refusal = await change(cluster, cluster.leader!, add('d'));
  t.match(refusal, { done: false, why: 'refused', reason: /runs an older program/ });
  for (const [upgraded, name] of ['a', 'b', 'c'].entries()) {
    t.ok(await untilLevel(cluster, 1, ['a', 'b', 'c']), `${upgraded} of 3 are new`);
    t.equal(cluster.life(cluster.leader!).log?.raft?.status.configuration.index, 0, 'no configuration is in the log');
    cluster.kill(name);
    cluster.start(name, { levelMax: null });
    await cluster.untilLed();
    t.type(await cluster.commit(`with ${upgraded + 1} new`), 'number');
    // What a new program does as the master is what counts.
    for (let tries = 0; cluster.leader !== name && tries < 20; tries += 1) {
      const leader = await cluster.untilLed();
      void cluster.life(leader).log?.transferLeadership(id(name));
      await cluster.until(() => cluster.leader === name, 1500);
    }
    t.equal(cluster.leader, name);
    await cluster.pass(3000);
  }
  t.ok(await untilLevel(cluster, 2, ['a', 'b', 'c']), cluster.story());
  t.same(await change(cluster, cluster.leader!, add('d')), { done: true });
  cluster.start('d', { members: at('d', 'a'), levelMax: null });
  t.ok(await cluster.until(() => votersSeenBy(cluster, 'd').length === 4, 30_000), cluster.story());
  t.ok(await allHave(cluster, cluster.names));

  // There is no way back.
  const name = ['a', 'b', 'c'].find((one) => one !== cluster.leader)!;
  cluster.kill(name);
  const old = cluster.start(name, { levelMax: 1 });
  t.ok(await cluster.until(() => old.failure !== null));
  t.match(old.failure?.message, /level|version 2/);
  cluster.world.host(name).crash();
  cluster.world.host(name).replaceDisk();
  cluster.start(name, { levelMax: 1 });
  await cluster.pass(5000);
  t.equal(cluster.life(name).log?.status.state, 'blank');
  t.match(cluster.life(name).lines.join('\n'), /level 2 is in use: it needs a newer program|version 2 of the peer/);
});

t.test('members, and who they are, outlast snapshots and restarts of all', async (t) => {
  const settings = { snapshotBytes: 20_000, segmentBytes: 64 * 1024 };
  const cluster = threeOf('restarts', ['d'], { settings });
  await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, ['a', 'b', 'c']));
  t.same(await change(cluster, cluster.leader!, add('d')), { done: true });
  cluster.start('d', { members: at('d', 'b'), settings });
  t.ok(await cluster.until(() => votersSeenBy(cluster, 'd').length === 4, 30_000));
  for (let i = 0; i < 60; i += 1) await cluster.commit(`${i} ${'x'.repeat(2000)}`);
  t.ok(
    await cluster.until(() => cluster.names.every((name) => (cluster.life(name).log?.raft?.snapshotIndex ?? 0) > 10)),
  );
  for (const name of cluster.names) cluster.kill(name);
  for (const name of cluster.names) cluster.start(name, name === 'd' ? { members: at('d'), settings } : {});
  await cluster.untilLed();
  t.same(
    cluster.names.map((name) => cluster.life(name).failure),
    [null, null, null, null],
  );
  t.type(await cluster.commit('again'), 'number');
  t.ok(await allHave(cluster, cluster.names));
  for (const name of cluster.names) t.equal(votersSeenBy(cluster, name).length, 4, name);
  t.match(
    cluster.life('a').lines.join('\n'),
    /configuration names the members a, b, c, the cluster's are a, b, c, d: the/,
  );
});

t.test('of a master, one slave and a witness any one may die', async (t) => {
  for (const victim of ['master', 'slave', 'witness']) {
    const cluster = new Cluster(`witness, without the ${victim}`, { changes: (name) => ({ witness: name === 'c' }) });
    cluster.startAll();
    await cluster.untilLed();
    t.ok(await untilLevel(cluster, 2, cluster.names), cluster.story());
    for (let i = 0; i < 10; i += 1) await cluster.commit(`${i}`);
    const master = cluster.leader!;
    t.not(master, 'c');
    t.equal(partOf(cluster, 'c', 'c'), 'witness');
    t.same(cluster.texts('c'), [], 'it has no state');
    const slave = master === 'a' ? 'b' : 'a';
    const dead = { master, slave, witness: 'c' }[victim] ?? '';
    cluster.kill(dead);
    await cluster.untilLed();
    t.type(await cluster.commit('after'), 'number', victim);
    t.not(cluster.leader, 'c');
    for (let i = 0; i < 5; i += 1) await cluster.commit(`then ${i}`);
    cluster.start(dead);
    t.ok(await allHave(cluster, ['a', 'b']), cluster.story());
    t.same(cluster.texts('c'), []);
  }
});

t.test('a witness brings the slave up to date with what only it and the dead master had', async (t) => {
  const cluster = new Cluster('witness hands on', { changes: (name) => ({ witness: name === 'c' }) }).startAll();
  const master = await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, cluster.names));
  const slave = master === 'a' ? 'b' : 'a';
  cluster.kill(slave);
  const position = await cluster.commit('on the master and the witness');
  t.type(position, 'number');
  cluster.kill(master);
  cluster.start(slave);
  t.equal(await cluster.untilLed(), slave, cluster.story());
  t.ok(cluster.texts(slave).includes('on the master and the witness'));
});

t.test('a witness keeps of the log what some other member lacks, and no more', { timeout: 120_000 }, async (t) => {
  const settings = { segmentBytes: 64 * 1024, snapshotBytes: 256 * 1024 };
  const cluster = new Cluster('witness lets go', { settings, changes: (name) => ({ witness: name === 'c' }) });
  cluster.startAll();
  await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, cluster.names));
  const body = 'x'.repeat(25_000);
  for (let i = 0; i < 90; i += 1) await cluster.commit(`${i} ${body}`);
  const shape = (): number => cluster.life('c').log?.raft?.snapshotIndex ?? 0;
  t.ok(await cluster.until(() => shape() > 30), 'it has let go of what all have');
  const slave = cluster.leader === 'a' ? 'b' : 'a';
  cluster.kill(slave);
  const held = cluster.life(cluster.leader!).log!.raft!.lastIndex;
  for (let i = 0; i < 40; i += 1) await cluster.commit(`without ${i} ${body}`);
  t.ok(shape() <= held, 'and keeps what the dead slave lacks');
  cluster.kill('c');
  cluster.start('c');
  cluster.start(slave);
  t.ok(await allHave(cluster, ['a', 'b']), 'all are there again');
  for (let i = 0; i < 30; i += 1) await cluster.commit(`${i} ${body}`);
  t.ok(await cluster.until(() => shape() > held));

  // One that was away for so long that the log is gone gets its shape.
  cluster.kill('c');
  const leader = cluster.leader!;
  const { raft } = cluster.life(leader).log!;
  const away = raft!.lastIndex + 10;
  for (let i = 0; i < 400 && raft!.snapshotIndex < away; i += 1) await cluster.commit(`away ${i} ${body}`);
  t.ok(raft!.snapshotIndex >= away, 'the log is gone');
  cluster.start('c');
  t.ok(
    await cluster.until(() => cluster.life('c').log?.raft?.lastIndex === cluster.life(leader).log?.raft?.lastIndex),
    cluster.story(),
  );
  cluster.kill(slave);
  t.type(await cluster.commit('with the witness'), 'number');
});

t.test('witnesses are fewer than half of those who found', async (t) => {
  const cluster = new Cluster('too many witnesses', { changes: (name) => ({ witness: name !== 'a' }) }).startAll();
  await cluster.pass(40_000);
  t.equal(cluster.leader, null);
  t.match(cluster.life('a').lines.join('\n'), /of 3 members b, c would be witnesses: they must be fewer than half/);
});

t.test('a witness is added', async (t) => {
  const cluster = new Cluster('add a witness', {
    names: ['a', 'b', 'w'],
    changes: () => ({ members: at('a', 'b'), listen }),
  });
  cluster.start('a');
  cluster.start('b');
  await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, ['a', 'b']));
  await cluster.commit('before');
  t.same(await change(cluster, cluster.leader!, add('w', { witness: true })), { done: true });
  cluster.start('w', { members: at('w', 'a'), witness: true });
  t.ok(await cluster.until(() => cluster.life('w').log?.raft !== undefined && cluster.life('w').log?.raft !== null));
  t.ok(await settled(cluster, ['a', 'b', 'w']), cluster.story());
  t.equal(partOf(cluster, 'w', 'w'), 'witness');
  t.same(cluster.texts('w'), []);
  const master = cluster.leader!;
  cluster.kill(master);
  await cluster.untilLed();
  t.type(await cluster.commit('one of two is dead'), 'number');
});

t.test('a witness that was removed is one still, and may come back with its disk', { timeout: 120_000 }, async (t) => {
  const settings = { segmentBytes: 64 * 1024, snapshotBytes: 256 * 1024 };
  const cluster = new Cluster('witness leaves', { settings, changes: (name) => ({ witness: name === 'c' }) });
  cluster.startAll();
  await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, cluster.names));
  const body = 'x'.repeat(25_000);
  for (let i = 0; i < 90; i += 1) await cluster.commit(`${i} ${body}`);
  t.ok(await cluster.until(() => (cluster.life('c').log?.raft?.snapshotIndex ?? 0) > 30), 'it has a shape on its disk');
  t.same(await change(cluster, cluster.leader!, { remove: [id('c')] }), { done: true });
  t.ok(await cluster.until(() => cluster.life('c').log?.status.removed === true, 30_000), cluster.story());
  await cluster.pass(10_000);
  cluster.kill('c');
  cluster.start('c');
  t.ok(await cluster.until(() => cluster.life('c').log?.status.removed === true), cluster.story());
  t.equal(cluster.life('c').machine.restores, 0, 'there is no state on its disk');
  t.same(await change(cluster, cluster.leader!, add('c', { witness: true })), { done: true });
  t.ok(await settled(cluster, cluster.names), cluster.story());
  t.equal(partOf(cluster, 'c', 'c'), 'witness');
  t.same(cluster.texts('c'), []);
});

t.test('a broker of one grows', async (t) => {
  const cluster = new Cluster('grow', { names: ['a', 'b', 'c'], changes: () => ({ members: at('a'), listen }) });
  cluster.start('a');
  await cluster.untilLed();
  await cluster.commit('alone');
  t.ok(await untilLevel(cluster, 2, ['a']));
  for (const name of ['b', 'c']) {
    cluster.start(name, { members: at('a', name) });
    t.same(await change(cluster, 'a', add(name)), { done: true });
    t.ok(await cluster.until(() => partOf(cluster, name, 'a') === 'voter', 30_000), cluster.story());
  }
  t.ok(await settled(cluster, cluster.names));
  cluster.kill('a');
  await cluster.untilLed();
  t.type(await cluster.commit('without the first'), 'number');
});

t.test('what makes no sense is refused in words', async (t) => {
  const cluster = threeOf('refusals', []);
  await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, cluster.names));
  const cases: [MembershipChange, string][] = [
    [add('a'), 'a is a member already'],
    [{ remove: [id('x')] }, 'x is not a member'],
    [{ promote: [id('b')] }, 'b is no learner'],
  ];
  for (const [what, reason] of cases) {
    for (const name of cluster.names)
      t.same(await change(cluster, name, what), { done: false, why: 'refused', reason });
  }
});

t.test('the members are seen alike from everywhere, as the master confirms it', async (t) => {
  const cluster = threeOf('views', []);
  const master = await cluster.untilLed();
  const dead = cluster.names.find((name) => name !== master)!;
  t.ok(await untilLevel(cluster, 2, cluster.names));
  cluster.kill(dead);
  await cluster.pass(3000);
  const other = cluster.names.find((name) => name !== master && name !== dead)!;
  for (const name of [master, other]) {
    const view = await cluster.world.simulation.run(() => cluster.life(name).log!.members.view());
    t.match(view, { by: master, confirmed: true });
    const seen = Object.fromEntries(view.members.map((member) => [member.id, member.alive]));
    t.same(seen, { [master]: true, [other]: true, [dead]: false });
    t.ok(view.members.every(({ matchIndex }) => typeof matchIndex === 'number'));
  }
  cluster.kill(master);
  await cluster.pass(3000);
  const view = await cluster.world.simulation.run(() => cluster.life(other).log!.members.view());
  t.match(view, { by: other, confirmed: false });
});

t.test("the caller's own questions get to the leader from anywhere, and to any member", async (t) => {
  const cluster = threeOf('questions', []);
  const master = await cluster.untilLed();
  const [by, dead] = cluster.names.filter((name) => name !== master) as [string, string];
  const on = (name: string): MemberQuestions => cluster.life(name).log!.members.questions;
  const within = <T>(work: () => Promise<T>): Promise<T> => cluster.world.simulation.run(work);
  t.equal(await within(() => on(by).askLeader('why')), null, 'nobody there answers questions yet');
  for (const name of cluster.names) {
    on(name).onQuestion(async (question, asLeader) => ({ question, asLeader, by: name }));
  }
  for (const name of [master, by]) {
    const answer = { question: { why: 1 }, asLeader: true, by: master };
    t.same(await within(() => on(name).askLeader({ why: 1 })), { by: master, answer });
  }
  t.same(await within(() => on(master).ask(id(by), 'here')), { question: 'here', asLeader: false, by });
  cluster.kill(dead);
  t.equal(await within(() => on(master).ask(id(dead), 'here')), null, 'it does not answer');
  cluster.kill(by);
  t.equal(await within(() => on(master).askLeader('why')), null, 'it can no longer be sure that it leads');
  t.equal(await within(() => on(master).askLeader('why')), null, 'nobody leads');
});

t.test('a transfer can be asked of any member', async (t) => {
  const cluster = threeOf('transfers', []);
  const master = await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, cluster.names));
  const [to, by] = cluster.names.filter((name) => name !== master) as [string, string];
  const asked = await cluster.world.simulation.run(() => cluster.life(by).log!.members.transfer(id(to)));
  t.same(asked, { done: true });
  t.equal(await cluster.untilLed(), to);
  const nobody = await cluster.world.simulation.run(() => cluster.life(by).log!.members.transfer(id('x')));
  t.match(nobody, { done: false, why: 'refused', reason: 'x is not a member' });
});

t.test('the identity on the disk follows who the members are: left alone, and joined again', async (t) => {
  const cluster = threeOf('identity', ['d']);
  const master = await cluster.untilLed();
  t.ok(await untilLevel(cluster, 2, ['a', 'b', 'c']));
  const onDisk = (name: string): readonly string[] => {
    const text = Buffer.from(cluster.world.host(name).device.contentOf('identity.json')).toString();
    return (JSON.parse(text) as { identity: { members: string[] } }).identity.members;
  };
  t.same(onDisk(master), ['a', 'b', 'c']);
  const others = ['a', 'b', 'c'].filter((name) => name !== master);
  t.same(await change(cluster, master, { remove: others.map(id) }), { done: true });
  t.ok(await cluster.until(() => onDisk(master).length === 1), cluster.story());
  t.same(onDisk(master), [master]);
  t.same(await change(cluster, master, add('d')), { done: true });
  cluster.start('d', { members: at('d', master) });
  t.ok(await cluster.until(() => votersSeenBy(cluster, 'd').length === 2, 30_000), cluster.story());
  const both = [master, 'd'].toSorted();
  t.ok(await cluster.until(() => [master, 'd'].every((name) => onDisk(name).join() === both.join())), cluster.story());
});
