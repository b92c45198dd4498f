import type { Permission } from '@lockstep/stomp-server';

import { DestinationPattern, hasWildcard } from './destination-pattern.ts';

/** One entry of `permissions`: groups by what they may do. `*` is everybody who is let in. */
export interface PermissionRule {
  readonly match: string;
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Null: whoever may read or write may create. */
  readonly create: readonly string[] | null;
}

interface CompiledRule extends PermissionRule {
  readonly pattern: DestinationPattern;
}

const EVERYBODY = '*';

/**
 * The first rule that matches a destination says who may use it; one that none matches may be used by nobody. A subscription with wildcards is
 * allowed when every rule that concerns a part of it allows it, down to one that covers all of it.
 */
export class PermissionRules {
  readonly #rules: readonly CompiledRule[];

  /** The patterns are well-formed. */
  constructor(rules: readonly PermissionRule[]) {
    this.#rules = rules.flatMap((rule) => {
      const pattern = DestinationPattern.parse(rule.match);
      return pattern === undefined ? [] : [{ ...rule, pattern }];
    });
  }

  /** What members of `groups` lack for it. `exists`: the queue is there already. */
  lacking(
    groups: readonly string[],
    wanted: 'read' | 'write',
    destination: string,
    exists: (destination: string) => boolean,
  ): Permission | null {
    const isWild = hasWildcard(destination);
    for (const rule of this.#rules) {
      const covers = rule.pattern.covers(destination);
      if (!covers && !(isWild && rule.pattern.overlaps(destination))) continue;
      if (!allows(rule[wanted], groups)) return wanted;
      if (!covers) continue;
      const creates = !isWild && destination.startsWith('/queue/') && rule.create !== null && !exists(destination);
      return creates && !allows(rule.create ?? [], groups) ? 'create' : null;
    }
    return wanted;
  }
}

function allows(allowed: readonly string[], groups: readonly string[]): boolean {
  return allowed.some((group) => group === EVERYBODY || groups.includes(group));
}
