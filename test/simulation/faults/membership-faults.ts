import type { MembershipChange } from '@lockstep/raft-log';
import type { NodeId } from '@lockstep/kernel';

import { peerAddressOf } from '../sim-cluster.ts';
import type { SimNode } from '../sim-cluster.ts';
import { running, shuffled } from './fault.ts';
import type { Faults, Stage } from './fault.ts';

/** With fewer voters than this no member is taken away: what is left should survive something. */
const votersMin = 3;

type Change = Required<Pick<MembershipChange, 'add' | 'remove'>>;

/** A machine that is no member, with an empty disk, up and looking for a cluster. */
function outsider({ cluster, random, budget }: Stage, members: readonly NodeId[]): SimNode | null {
  const [found] = shuffled(cluster.nodes, random).filter(({ name }) => !members.includes(name as NodeId));
  if (found === undefined) return null;
  cluster.kill(found);
  cluster.wipe(found);
  budget.damaged(found);
  cluster.start(found);
  return found;
}

function draw(stage: Stage): Change | null {
  const { cluster, random } = stage;
  const { configuration, members } = cluster;
  if (configuration === null) return null;
  const change = { add: [], remove: [] } as { add: Change['add'][number][]; remove: NodeId[] };
  const kind = random.pick(['add', 'add', 'replace', 'remove', 'learner']);
  const mayRemove = configuration.voters.length > votersMin || kind === 'replace';
  if ((kind === 'remove' || kind === 'replace') && mayRemove && configuration.voters.length > 1) {
    const leader = cluster.leader?.name as NodeId | undefined;
    const leaves = leader !== undefined && random.chance(0.4) ? leader : random.pick(configuration.voters);
    change.remove.push(leaves);
  }
  if (kind !== 'remove') {
    const joins = outsider(stage, members);
    if (joins === null) return null;
    const role = kind === 'learner' ? 'learner' : 'voter';
    const { name, witness } = joins;
    change.add.push({ id: name as NodeId, role, witness, address: peerAddressOf(name) });
  }
  return change.add.length + change.remove.length > 0 ? change : null;
}

export const membershipFaults: Faults = {
  changeMembers(stage) {
    const { cluster, random } = stage;
    const able = running(cluster).filter(({ node }) => node !== null);
    const change = able.length === 0 ? null : draw(stage);
    const asked = random.pick(able);
    if (change === null || asked.node === null) return null;
    const leaves = change.remove.some((id) => id === cluster.leader?.name);
    void asked.node.log.members.change(change).then((outcome) => {
      cluster.story.saw(`membership: ${outcome.done ? 'changes begun' : `answers '${outcome.why}'`}`);
      if (outcome.done && leaves) cluster.story.saw('membership: leaders that removed themselves');
      if (outcome.done && change.add.length > 0 && change.remove.length > 0)
        cluster.story.saw('membership: several at once');
    });
    return () => {};
  },
  /** Learners are to vote. */
  promote({ cluster, random }) {
    const learners = cluster.configuration?.learners ?? [];
    const [asked] = shuffled(running(cluster), random);
    if (learners.length === 0 || asked === undefined || asked.node === null) return null;
    void asked.node.log.members.change({ promote: learners }).then(({ done }) => {
      if (done) cluster.story.saw('membership: learners promoted');
    });
    return () => {};
  },
};
