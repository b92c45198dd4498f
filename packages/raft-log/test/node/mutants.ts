import { Majorities } from '../../src/node/majorities.ts';
import { RaftNode, Rules } from '../../src/node/index.ts';
import type { RaftInput, RaftOptions } from '../../src/node/index.ts';

/** What the node does then. */
export type BrokenRule =
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

/** What each rule says then. */
const broken: Readonly<Record<BrokenRule, Partial<Rules>>> = {
  // Raft's figure 8.
  'counts-earlier-terms': { mayCommit: () => true },
  'believes-every-commit-index': { mayBeCommitted: (told) => told },
  'counts-overwritten-writes': { truncationVoidsWrites: () => false },
  'answers-reads-at-once': { mayAnswerRead: () => true },
  'hands-over-to-anybody': { mayHandOver: () => true },
  // Thesis §4.1 the wrong way: as if a configuration were used when it is committed.
  'uses-the-committed-configuration': { inUse: (configurations, commitIndex) => configurations.at(commitIndex) },
  'needs-one-majority': { majorities: (configuration) => new Majorities({ ...configuration, votersOutgoing: [] }) },
  'changes-while-changing': { mayChange: () => true },
  'promotes-at-once': { hasCaughtUp: () => true },
  'releases-what-is-committed': { mayRelease: (_heldByAll, commitIndex) => commitIndex },
  'asks-nobody-first': { asksFirst: () => false },
  'leads-forever': { mayGoOnLeading: () => true },
};

/** All rules, one of them broken. */
export function brokenRules(rule: BrokenRule): Rules {
  return Object.assign(new Rules(), broken[rule]);
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

/** What no rule stands for. */
type BrokenNode = 'votes-for-older-logs' | 'compares-nothing';

/** In what surrounds the node. */
type BrokenDriver = 'votes-not-persisted' | 'answers-before-disk' | 'wiped-may-vote' | 'admits-unconfirmed';

/** The bug to build in, so that the checks can be seen to find it. */
export type Mutant = 'none' | BrokenRule | BrokenNode | BrokenDriver;

export function nodeWith(mutant: Mutant, options: RaftOptions): RaftNode {
  if (mutant === 'votes-for-older-logs') return new VotesForOlderLogs(options);
  if (mutant === 'compares-nothing') return new ComparesNothing(options);
  return new RaftNode(options, mutant in broken ? brokenRules(mutant as BrokenRule) : new Rules());
}
