import { Majorities } from '../../src/node/majorities.ts';
import { RaftNode, Rules } from '../../src/node/index.ts';
import type { Configuration, ConfigurationAt, RaftInput, RaftOptions } from '../../src/node/index.ts';
import type { Configurations } from '../../src/node/configurations.ts';

/** Raft's figure 8. */
class CountsEarlierTerms extends Rules {
  override mayCommit(): boolean {
    return true;
  }
}

class BelievesEveryCommitIndex extends Rules {
  override mayBeCommitted(told: number): number {
    return told;
  }
}

class CountsOverwrittenWrites extends Rules {
  override truncationVoidsWrites(): boolean {
    return false;
  }
}

class AnswersReadsAtOnce extends Rules {
  override mayAnswerRead(): boolean {
    return true;
  }
}

class HandsOverToAnybody extends Rules {
  override mayHandOver(): boolean {
    return true;
  }
}

/** Thesis §4.1 the wrong way: as if a configuration were used when it is committed. */
class UsesTheCommittedConfiguration extends Rules {
  override inUse(configurations: Configurations, commitIndex: number): ConfigurationAt {
    return configurations.at(commitIndex);
  }
}

class NeedsOneMajority extends Rules {
  override majorities(configuration: Configuration): Majorities {
    return new Majorities({ ...configuration, votersOutgoing: [] });
  }
}

class ChangesWhileChanging extends Rules {
  override mayChange(): boolean {
    return true;
  }
}

class PromotesAtOnce extends Rules {
  override hasCaughtUp(): boolean {
    return true;
  }
}

class ReleasesWhatIsCommitted extends Rules {
  override mayRelease(_heldByAll: number, commitIndex: number): number {
    return commitIndex;
  }
}

class AsksNobodyFirst extends Rules {
  override asksFirst(): boolean {
    return false;
  }
}

class LeadsForever extends Rules {
  override mayGoOnLeading(): boolean {
    return true;
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

/** What the node then does. */
type BrokenRule =
  | 'counts-earlier-terms'
  | 'believes-every-commit-index'
  | 'counts-overwritten-writes'
  | 'answers-reads-at-once'
  | 'hands-over-to-anybody'
  | 'uses-the-committed-configuration'
  | 'needs-one-majority'
  | 'changes-while-changing'
  | 'promotes-at-once'
  | 'releases-what-is-committed'
  | 'asks-nobody-first'
  | 'leads-forever';

const broken: Readonly<Record<BrokenRule, new () => Rules>> = {
  'counts-earlier-terms': CountsEarlierTerms,
  'believes-every-commit-index': BelievesEveryCommitIndex,
  'counts-overwritten-writes': CountsOverwrittenWrites,
  'answers-reads-at-once': AnswersReadsAtOnce,
  'hands-over-to-anybody': HandsOverToAnybody,
  'uses-the-committed-configuration': UsesTheCommittedConfiguration,
  'needs-one-majority': NeedsOneMajority,
  'changes-while-changing': ChangesWhileChanging,
  'promotes-at-once': PromotesAtOnce,
  'releases-what-is-committed': ReleasesWhatIsCommitted,
  'asks-nobody-first': AsksNobodyFirst,
  'leads-forever': LeadsForever,
};

/** What no rule stands for. */
type BrokenNode = 'votes-for-older-logs' | 'compares-nothing';

/** In what surrounds the node. */
type BrokenDriver = 'votes-not-persisted' | 'answers-before-disk' | 'wiped-may-vote' | 'admits-unconfirmed';

/** The bug to build in, so that the checks can be seen to find it. */
export type Mutant = 'none' | BrokenRule | BrokenNode | BrokenDriver;

export function nodeWith(mutant: Mutant, options: RaftOptions): RaftNode {
  if (mutant === 'votes-for-older-logs') return new VotesForOlderLogs(options);
  if (mutant === 'compares-nothing') return new ComparesNothing(options);
  return new RaftNode(options, mutant in broken ? new broken[mutant as BrokenRule]() : new Rules());
}
