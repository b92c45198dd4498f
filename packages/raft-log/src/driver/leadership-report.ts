import type { RaftNode } from '../node/raft-node.ts';
import type { ElectionStory } from './election-story.ts';
import type { Leadership, StateMachine } from './types.ts';

export interface LeadershipReportPorts {
  readonly node: RaftNode;
  readonly machine: Pick<StateMachine, 'leadershipChanged'>;
  readonly story: ElectionStory;
  /** This member led, and does no more, or in another term. */
  readonly ended: () => void;
}

/** Tells the state machine what this member is, whenever that changes. */
export class LeadershipReport {
  readonly #ports: LeadershipReportPorts;
  #told: Leadership = { leading: false, role: 'follower', leader: null, term: 0 };

  constructor(ports: LeadershipReportPorts) {
    this.#ports = ports;
  }

  /** The machine has been told that this member leads. */
  get leading(): boolean {
    return this.#told.leading;
  }

  /** Once a turn or more. `appliedIndex`: what the machine holds. */
  tell(appliedIndex: number): void {
    const { node, machine, story, ended } = this.#ports;
    const { role, term, leader } = node;
    const before = this.#told;
    story.tell(node);
    const stillLeading = before.leading && role === 'leader' && before.term === term;
    // The first entry of a term is the leader's own: with it applied, so is all that was committed before (Raft §8).
    const nowLeading = role === 'leader' && node.serving && node.termAt(appliedIndex) === term;
    const leading = stillLeading || nowLeading;
    if (before.leading === leading && before.role === role && before.leader === leader && before.term === term) return;
    if (before.role === 'leader' && (role !== 'leader' || before.term !== term)) ended();
    this.#told = { leading, role, leader, term };
    machine.leadershipChanged(this.#told);
  }
}
