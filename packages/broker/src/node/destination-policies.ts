import type { DestinationPolicy } from '@lockstep/core';

import { DestinationPattern } from '../security/destination-pattern.ts';

/** What the configuration says of the destinations that a pattern means. */
export interface DestinationRule {
  readonly match: string;
  /** 0: no limit. */
  readonly maxDeliveries: number;
  readonly deadLetter: 'shared' | 'individual' | 'none';
  /** Of `shared`: `/queue/…`. */
  readonly deadLetterQueue: string;
}

/** Destinations whose policy is remembered. */
const knownMax = 10_000;

/** The policy of each destination: that of the first rule that matches. */
export class DestinationPolicies {
  #rules: readonly (readonly [DestinationPattern, DestinationRule])[] = [];
  readonly #known = new Map<string, DestinationPolicy | null>();

  /** @throws Error for a pattern that is none: the configuration has been checked. */
  constructor(rules: readonly DestinationRule[]) {
    this.reload(rules);
  }

  /** These count from now on. @throws Error as above. */
  reload(rules: readonly DestinationRule[]): void {
    this.#rules = rules.map((rule) => [patternOf(rule), rule]);
    this.#known.clear();
  }

  /** Null: no rule is about it. */
  policyOf(destination: string): DestinationPolicy | null {
    const known = this.#known.get(destination);
    if (known !== undefined) return known;
    const rule = this.#rules.find(([pattern]) => pattern.covers(destination))?.[1];
    const policy = rule === undefined ? null : policyBy(rule, destination);
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(destination, policy);
    return policy;
  }
}

function patternOf({ match }: DestinationRule): DestinationPattern {
  const pattern = DestinationPattern.parse(match);
  if (pattern === undefined) throw new Error(`${match} is no pattern of destinations`);
  return pattern;
}

function policyBy(
  { maxDeliveries, deadLetter, deadLetterQueue }: DestinationRule,
  destination: string,
): DestinationPolicy {
  const name = destination.replace(/^\/[a-z-]+\//, '');
  const queues = { shared: deadLetterQueue, individual: `/queue/DLQ.${name}`, none: null };
  return { maxDeliveries: maxDeliveries === 0 ? Infinity : maxDeliveries, deadLetterQueue: queues[deadLetter] };
}
