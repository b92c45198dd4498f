import { Majorities } from '../../src/node/majorities.ts';
import { Rules } from '../../src/node/index.ts';
import type { Configuration, ConfigurationAt } from '../../src/node/index.ts';
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
  | 'asks-nobody-first';

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
};

/** In what surrounds the node. */
type BrokenDriver = 'votes-not-persisted' | 'answers-before-disk' | 'wiped-may-vote' | 'admits-unconfirmed';

/** The bug to build in, so that the checks can be seen to find it. */
export type Mutant = 'none' | BrokenRule | BrokenDriver;

export function rulesOf(mutant: Mutant): Rules {
  return mutant in broken ? new broken[mutant as BrokenRule]() : new Rules();
}
