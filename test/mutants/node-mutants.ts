import type { BrokerNodeOptions } from '@lockstep/broker';
import { RaftNode, Rules } from '@lockstep/raft-log';
import type { RaftOptions } from '@lockstep/raft-log';

import type { Mutant } from './mutant.ts';

type RaftInput = Parameters<RaftNode['step']>[0];
type RaftBatch = NonNullable<ReturnType<RaftNode['takeBatch']>>;

/** Raft, figure 8. */
class CountsEarlierTerms extends Rules {
  override mayCommit(): boolean {
    return true;
  }
}

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

/** Raft §5.4.1: whoever asks gets the vote, however old its log. */
class VotesForOlderLogs extends RaftNode {
  override step(input: RaftInput): void {
    const asks = input.type === 'receive' && /^(?:preVote|vote)Request$/.test(input.message.type);
    if (!asks) {
      super.step(input);
      return;
    }
    const best = { lastIndex: Number.MAX_SAFE_INTEGER, lastTerm: Number.MAX_SAFE_INTEGER };
    super.step({ ...input, message: { ...input.message, ...best } as typeof input.message });
  }
}

/** Raft §5.3: takes entries whatever stands before them. */
class ComparesNothing extends RaftNode {
  override step(input: RaftInput): void {
    if (input.type !== 'receive' || input.message.type !== 'append') {
      super.step(input);
      return;
    }
    const { message } = input;
    const previousTerm = this.termAt(message.previousIndex) ?? message.previousTerm;
    super.step({ type: 'receive', message: { ...message, previousTerm } });
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

/** Raft §5.3: takes for committed here whatever the leader has committed. */
class BelievesCommitIndex extends Rules {
  override mayBeCommitted(told: number): number {
    return told;
  }
}

/** Counts what was on its way to the disk before a truncation for what came after it. */
class CountsOvertakenWrites extends Rules {
  override truncationVoidsWrites(): boolean {
    return false;
  }
}

/** Thesis §9.6. */
class NeverAsksFirst extends Rules {
  override asksFirst(): boolean {
    return false;
  }
}

/** Thesis §6.2. */
class LeadsForever extends Rules {
  override mayGoOnLeading(): boolean {
    return true;
  }
}

/** Thesis §3.10. */
class HandsOverTooEarly extends Rules {
  override mayHandOver(): boolean {
    return true;
  }
}

/** A node whose disk was wiped votes at once. */
function withVote(options: RaftOptions): RaftOptions {
  const { recovered } = options;
  return { ...options, recovered: { ...recovered, hardState: { ...recovered.hardState, standing: 'voter' } } };
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

const broken = (name: string, rules: () => Rules, rest: Parameters<typeof made>[2] = {}): Mutant =>
  made(name, (raft) => new RaftNode(raft, rules()), rest);

/** Nodes that break one of Raft's rules. */
export const nodeMutants: readonly Mutant[] = [
  broken('entries of an earlier term committed by counting', () => new CountsEarlierTerms(), {
    faults: ['figureEight'],
    small: true,
  }),
  broken('a commit index beyond the validated entries', () => new BelievesCommitIndex()),
  broken('a write counts that a truncation has overtaken', () => new CountsOvertakenWrites(), {
    faults: ['slowDisk', 'hangingDisk', 'isolate', 'transfer', 'partition'],
  }),
  broken('no pre-vote', () => new NeverAsksFirst()),
  broken('no check-quorum', () => new LeadsForever()),
  broken('leadership handed to a member that lacks entries', () => new HandsOverTooEarly()),
  made('a receipt for what is only proposed', (raft) => new AppliesUncommitted(raft)),
  made('votes and acknowledgements before they are on disk', (raft) => new AnswersBeforeDisk(raft)),
  made('votes for a log that lacks entries', (raft) => new VotesForOlderLogs(raft)),
  made('entries taken whatever stands before them', (raft) => new ComparesNothing(raft)),
  made('entries taken from a leader of an earlier term', (raft) => new HeedsOldLeaders(raft)),
  made('dispatch without a majority', (raft) => new ServesUnconfirmed(raft)),
  made('a vote for an empty journal', (raft) => new RaftNode(withVote(raft))),
];
