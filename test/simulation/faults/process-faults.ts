import type { DiskOperation } from '@lockstep/testkit';

import { leaderOr, running } from './fault.ts';
import type { Faults } from './fault.ts';

/** Steps of the disk at which a process may end: between two of them, files are in a state that nothing else leads to. */
const steps: readonly DiskOperation[] = ['rename', 'remove', 'syncDirectory', 'sync', 'write', 'truncate', 'open'];

export const processFaults: Faults = {
  kill(stage) {
    const member = leaderOr(stage);
    if (member === null) return null;
    stage.cluster.kill(member);
    return () => stage.cluster.start(member);
  },
  crash(stage) {
    const member = leaderOr(stage);
    if (member === null) return null;
    stage.cluster.crash(member, stage.random.chance(0.5));
    return () => stage.cluster.start(member);
  },
  crashAtDiskStep(stage) {
    const { cluster, random } = stage;
    const member = leaderOr(stage);
    const process = member?.process ?? null;
    if (member === null || process === null) return null;
    const { device } = member.host;
    const wanted = random.pick(steps);
    const [before, kill] = [random.chance(0.5), random.chance(0.3)];
    let left = random.pick([1, 1, 2, 5]);
    device.intercept = (operation) => {
      if (member.process !== process) device.intercept = null;
      if (member.process !== process || operation !== wanted || --left > 0) return false;
      device.intercept = null;
      cluster.world.simulation.schedule(0, 'fault', null, () => {
        if (member.process !== process) return;
        if (kill) cluster.kill(member);
        else cluster.crash(member, random.chance(0.5));
      });
      return before;
    };
    return () => {
      device.intercept = null;
      cluster.start(member);
    };
  },
  crashAll({ cluster, random }) {
    const members = running(cluster);
    if (members.length === 0) return null;
    for (const member of members) cluster.crash(member, random.chance(0.5));
    return () => {
      for (const member of members) cluster.start(member);
    };
  },
  pause(stage) {
    const member = leaderOr(stage);
    const process = member?.process ?? null;
    if (member === null || process === null) return null;
    process.pause();
    stage.cluster.pauses++;
    return () => {
      process.resume();
      if (member.process === process) stage.cluster.onResumed(member);
    };
  },
  clockJump({ cluster, random }) {
    const member = random.pick(cluster.nodes);
    member.host.clock.jump(random.pick([-86_400_000, -5000, 5000, 86_400_000]));
    return () => {};
  },
  /** Quartz is good to some 100 ppm; ten times that is a broken one. */
  clockDrift({ cluster, random }) {
    const { clock } = random.pick(cluster.nodes).host;
    clock.drift(random.pick([0.999, 0.9999, 1.0001, 1.001]));
    return () => clock.drift(1);
  },
  transfer({ cluster }) {
    const { leader } = cluster;
    if (leader?.node === null || leader?.node === undefined) return null;
    void leader.node.log.transferLeadership().then((moved) => {
      if (!moved) cluster.story.saw('hand-overs aborted');
    });
    return () => {};
  },
};
