import type { Configuration, ConfigurationAt } from './configuration.ts';
import type { Configurations } from './configurations.ts';
import { Majorities } from './majorities.ts';

/**
 * The conditions on which Raft's safety rests, each in one place and asked for wherever it matters. They are apart from the rest so that a test
 * can break one (`new RaftNode(options, brokenRules)`) and see that it is noticed. The driver never gives any.
 */
export class Rules {
  /** §5.4.2: only entries of the leader's own term are committed by counting; earlier ones with them. */
  mayCommit(entryTerm: number | null, term: number): boolean {
    return entryTerm === term;
  }

  /** §5.3: what a leader says is committed is so here only as far as this log is known to be the leader's. */
  mayBeCommitted(told: number, validated: number): number {
    return Math.min(told, validated);
  }

  /** A truncation makes writes under way say nothing about the places that it cuts. False: they still count when they are reported. */
  truncationVoidsWrites(): boolean {
    return true;
  }

  /** Thesis §9.6: a candidate asks whether it could win before it enters a term. */
  asksFirst(): boolean {
    return true;
  }

  /** Thesis §6.2: a leader that no majority answers gives up. */
  mayGoOnLeading(quorumHeard: boolean): boolean {
    return quorumHeard;
  }

  /** Thesis §6.4: a read is answered once a majority has answered a round that began after it. */
  mayAnswerRead(confirmed: boolean): boolean {
    return confirmed;
  }

  /** Thesis §3.10: who is told to campaign holds all of the leader's log. */
  mayHandOver(matchIndex: number, lastIndex: number): boolean {
    return matchIndex >= lastIndex;
  }

  /** Thesis §4.1: the newest configuration in the log is used, committed or not. */
  inUse(configurations: Configurations, _commitIndex: number): ConfigurationAt {
    return configurations.current;
  }

  /** Thesis §4.3: each half of a joint configuration has its own majority. */
  majorities(configuration: Configuration): Majorities {
    return new Majorities(configuration);
  }

  /** Thesis §4.1: one change at a time; the next may begin when the one before is committed, and known to be by a leader of this term. */
  mayChange(committed: boolean, ownTermCommitted: boolean): boolean {
    return committed && ownTermCommitted;
  }

  /** Thesis §4.2.1: a learner has caught up when it received in less than an election time-out all that the log held at its beginning. */
  hasCaughtUp(receivedAll: boolean, tookTicks: number, electionTicks: number): boolean {
    return receivedAll && tookTicks < electionTicks;
  }

  /** A witness keeps what some member with a state machine lacks, or what may yet be replaced. `heldByAll`: the least that one of them holds. */
  mayRelease(heldByAll: number, commitIndex: number): number {
    return Math.min(heldByAll, commitIndex);
  }
}
