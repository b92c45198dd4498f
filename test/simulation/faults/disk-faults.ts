import type { SimRandom, StoredFile } from '@lockstep/testkit';

import type { SimNode } from '../sim-cluster.ts';
import { leaderOr, shuffled } from './fault.ts';
import type { Faults, Stage } from './fault.ts';

function wipe({ cluster, budget }: Stage, member: SimNode): void {
  cluster.kill(member);
  cluster.wipe(member);
  budget.damaged(member);
}

/** Two commit while the third is cut off; then one of the two loses its disk, the other is cut off, and the third comes back. */
function wipeBesideLaggard(stage: Stage, member: SimNode, behind: SimNode, ahead: SimNode): () => void {
  const { cluster, random, budget } = stage;
  const { simulation, wires } = cluster.world;
  let over = false;
  wires.isolate(behind.name);
  simulation.schedule(random.between(100, 400), 'fault', null, () => {
    if (over || !budget.allows(member)) return;
    wipe(stage, member);
    wires.healAll();
    wires.isolate(ahead.name);
    cluster.start(member);
  });
  return () => {
    over = true;
    wires.healAll();
    cluster.start(member);
  };
}

/** What a disk's decay may meet, by how much there is to lose. */
function drawFile(files: readonly StoredFile[], random: SimRandom): StoredFile | null {
  const filled = files.filter(({ length }) => length > 0);
  const journal = filled.filter(({ path }) => path.startsWith('journal/'));
  const drawn = random.chance(0.7) && journal.length > 0 ? journal : filled;
  return drawn.length === 0 ? null : random.pick(drawn);
}

function kindOf({ path }: StoredFile, files: readonly StoredFile[]): string {
  if (path.startsWith('snapshot/')) return 'a snapshot';
  if (path.startsWith('records/')) return 'a store file';
  if (!path.startsWith('journal/')) return 'another file';
  const newest = files.findLast((file) => file.path.startsWith('journal/') && file.path.endsWith('.log'));
  return path === newest?.path ? 'an open segment' : 'a sealed segment';
}

/** Everything of it stays as it is found: an operation that fails may end the node, which is started again afterwards. */
function failing(stage: Stage, member: SimNode, begin: () => void): () => void {
  member.diskFails = true;
  begin();
  return () => {
    const { device } = member.host;
    device.clearFaults();
    device.capacityBytes = Infinity;
    member.diskFails = false;
    stage.cluster.start(member);
  };
}

/** Its next read of such a file fails, or brings other bytes. */
function misreading(stage: Stage, member: SimNode, misdirected: boolean): () => void {
  const path = stage.random.pick(['journal', 'journal', 'records', 'snapshot', 'hard-state']);
  member.misreads = true;
  stage.budget.damaged(member);
  const end = failing(stage, member, () => member.host.device.fail({ operation: 'read', path, misdirected }));
  const { device } = member.host;
  return () => {
    if (device.astrayReads > 0) stage.cluster.story.saw('reads that went astray');
    device.astrayReads = 0;
    member.misreads = false;
    end();
  };
}

export const diskFaults: Faults = {
  wipe(stage) {
    const { cluster, random, budget } = stage;
    const [member, behind, ahead] = shuffled(cluster.nodes, random);
    if (member === undefined || !budget.allows(member)) return null;
    if (cluster.nodes.length === 3 && behind !== undefined && ahead !== undefined && random.chance(0.5))
      return wipeBesideLaggard(stage, member, behind, ahead);
    wipe(stage, member);
    return () => cluster.start(member);
  },
  /** Bits of what is stored change; found when they are read next, at the latest after a restart. */
  bitRot(stage) {
    const { cluster, random, budget } = stage;
    const member = random.pick(cluster.nodes);
    if (!budget.allows(member)) return null;
    budget.damaged(member);
    const { device } = member.host;
    for (let left = random.pick([1, 1, 3]); left > 0; left--) {
      const file = drawFile(device.files, random);
      if (file === null) continue;
      device.rot(file.path, random.below(file.length), 1 << random.below(8));
      cluster.story.saw(`bits changed in ${kindOf(file, device.files)}`);
    }
    if (random.chance(0.5)) return () => {};
    cluster.kill(member);
    return () => cluster.start(member);
  },
  diskFault(stage) {
    const member = leaderOr(stage);
    if (member === null) return null;
    const { random } = stage;
    const path = random.pick(['journal', 'journal', 'hard-state', 'snapshot']);
    const operation = random.pick(['sync', 'write', 'rename', 'syncDirectory'] as const);
    return failing(stage, member, () => member.host.device.fail({ operation, path }));
  },
  /** What can't be read is as good as damaged. */
  unreadable(stage) {
    const member = leaderOr(stage);
    if (member === null || !stage.budget.allows(member)) return null;
    return misreading(stage, member, false);
  },
  fullDisk(stage) {
    const member = leaderOr(stage);
    if (member === null) return null;
    const { device } = member.host;
    const { cluster, random } = stage;
    const leads = cluster.leader === member;
    const roomBytes = random.pick([0, 4096, 40_960]);
    const end = failing(stage, member, () => (device.capacityBytes = device.usedBytes() + roomBytes));
    return () => {
      if (device.refusedWrites > 0 && leads) cluster.story.saw('full disks of a master');
      end();
    };
  },
  /** It reads as if it were fine, and brings other bytes. */
  misdirectedRead(stage) {
    const member = leaderOr(stage);
    if (member === null || !stage.budget.allows(member)) return null;
    return misreading(stage, member, true);
  },
  slowDisk({ cluster, random }) {
    const { host } = random.pick(cluster.nodes);
    host.device.slowness = random.pick([5, 30, 200]);
    return () => {
      host.device.slowness = 1;
    };
  },
  hangingDisk(stage) {
    const device = leaderOr(stage)?.host.device ?? null;
    if (device === null) return null;
    device.hanging = true;
    return () => {
      device.hanging = false;
    };
  },
};

/** Damage where a disk's decay seldom comes of itself, or is seldom looked at. */
export const storedFaults: Faults = {
  /** Below the log: in the snapshot, and in the files of records that live on without it. */
  rotBelowLog(stage) {
    const { cluster, random, budget } = stage;
    const member = random.pick(cluster.nodes);
    const { device } = member.host;
    const filled = device.files.filter(({ length }) => length > 0);
    const records = filled.filter(({ path }) => path.startsWith('records/'));
    const below =
      records.length > 0 && random.chance(0.7) ? records : filled.filter(({ path }) => path.startsWith('snapshot/'));
    if (below.length === 0 || !budget.allows(member)) return null;
    budget.damaged(member);
    const file = random.pick(below);
    device.rot(file.path, random.below(file.length), 1 << random.below(8));
    cluster.story.saw(`bits changed in ${kindOf(file, device.files)}`);
    if (random.chance(0.3)) return () => {};
    cluster.kill(member);
    return () => cluster.start(member);
  },
  /** A start reads the whole log. */
  misreadAtStart(stage) {
    const { cluster, random, budget } = stage;
    const member = leaderOr(stage);
    if (member === null || !budget.allows(member)) return null;
    cluster.kill(member);
    const end = misreading(stage, member, random.chance(0.7));
    cluster.start(member);
    return end;
  },
};
