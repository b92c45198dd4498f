import type { BrokerNodeOptions } from '@lockstep/broker';
import { RaftNode } from '@lockstep/raft-log';
import type { RaftOptions } from '@lockstep/raft-log';
import { brokenRules, tryNodes } from '@lockstep/raft-log/trials';
import type { BrokenRule, NodeBug, NodeWorld } from '@lockstep/raft-log/trials';

import type { Mutant } from './mutant.ts';

type RaftInput = Parameters<RaftNode['step']>[0];
type RaftBatch = NonNullable<ReturnType<RaftNode['takeBatch']>>;

/** A leader applies, and answers for, what it has only proposed. */
class AppliesUncommitted extends RaftNode {
  override takeBatch(): RaftBatch | null {
    const batch = super.takeBatch();
    return batch === null || this.role !== 'leader' ? batch : { ...batch, commitIndex: this.lastIndex };
  }
}

/** Votes and acknowledgements leave before they are on disk. */
class AnswersBeforeDisk extends RaftNode {
  override takeBatch(): RaftBatch | null {
    const batch = super.takeBatch();
    if (batch === null) return null;
    return { ...batch, sendNow: [...batch.sendNow, ...batch.sendAfterPersist], sendAfterPersist: [] };
  }
}

/** Believes that it leads until it is told otherwise. */
class ServesUnconfirmed extends RaftNode {
  override get serving(): boolean {
    return this.role === 'leader' && this.termAt(this.commitIndex) === this.term;
  }
}

/** Raft §5.1: an entry is an entry, whoever sends it. */
class HeedsOldLeaders extends RaftNode {
  override step(input: RaftInput): void {
    if (input.type === 'receive' && input.message.type === 'append' && input.message.term < this.term)
      super.step({ type: 'receive', message: { ...input.message, term: this.term } });
    else super.step(input);
  }
}

/** Looked for among nodes without a broker around them. */
function alone(name: string, bug: NodeBug, world: Partial<NodeWorld>): Mutant {
  return { name, trial: { of: 'nodes alone', run: (seed) => tryNodes(seed, 3, bug, world) } };
}

function made(
  name: string,
  makeRaftNode: (options: RaftOptions) => RaftNode,
  rest: { readonly faults?: readonly string[]; readonly small?: boolean } = {},
): Mutant {
  const options = (plain: BrokerNodeOptions): BrokerNodeOptions => ({
    ...plain,
    makeRaftNode,
    // Where an old entry and the leader's own travel together, some bugs do not show: one entry at a time.
    ...(rest.small === true ? { logSettings: { ...plain.logSettings, appendBytesMax: 1, inflightAppendsMax: 1 } } : {}),
  });
  const { faults } = rest;
  return { name, mutation: () => ({ options, ...(faults === undefined ? {} : { faults }) }) };
}

const broken = (name: string, rule: BrokenRule, rest: Parameters<typeof made>[2] = {}): Mutant =>
  made(name, (raft) => new RaftNode(raft, brokenRules(rule)), rest);

const steady: Partial<NodeWorld> = { changes: 0 };
const changing: Partial<NodeWorld> = { changes: 15 };
const wiping: Partial<NodeWorld> = { wiping: true };
const stormy: Partial<NodeWorld> = { changes: 0, storm: 40 };
const hasty: Partial<NodeWorld> = { changes: 0, storm: 25, hasty: true, arrivalsMax: 8, loss: 0, wiping: false };

/** Nodes that break one of Raft's rules. */
export const nodeMutants: readonly Mutant[] = [
  broken('entries of an earlier term committed by counting', 'counts-earlier-terms', {
    faults: ['figureEight'],
    small: true,
  }),
  broken('a commit index beyond the validated entries', 'believes-every-commit-index'),
  made('a receipt for what is only proposed', (raft) => new AppliesUncommitted(raft)),
  made('votes and acknowledgements before they are on disk', (raft) => new AnswersBeforeDisk(raft)),
  made('entries taken from a leader of an earlier term', (raft) => new HeedsOldLeaders(raft)),
  made('dispatch without a majority', (raft) => new ServesUnconfirmed(raft)),
  broken('a read answered by a broker that has slept', 'answers-reads-at-once', { faults: ['pause'] }),
  alone('a write counts that a truncation has overtaken', 'counts-overwritten-writes', hasty),
  alone('no pre-vote', 'asks-nobody-first', steady),
  alone('no check-quorum', 'leads-forever', steady),
  alone('votes for a log that lacks entries', 'votes-for-older-logs', {}),
  alone('entries taken whatever stands before them', 'compares-nothing', stormy),
  alone('leadership handed to a member that lacks entries', 'hands-over-to-anybody', { wiping: false }),
  alone('a read answered without a majority', 'answers-reads-at-once', steady),
  alone('a vote for an empty journal', 'wiped-may-vote', wiping),
  alone('a vote given back before what was lost has come again', 'admits-unconfirmed', wiping),
  alone('the old configuration used until the new one is committed', 'uses-the-committed-configuration', changing),
  alone('a joint configuration decides by one majority', 'needs-one-majority', changing),
  alone('two changes of configuration at once', 'changes-while-changing', changing),
  alone('a learner promoted before it has caught up', 'promotes-at-once', { ...changing, wiping: false }),
  alone('a witness lets go of what a member lacks', 'releases-what-is-committed', { ...changing, wiping: false }),
];
