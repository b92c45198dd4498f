import { StreamRules } from '@lockstep/core';

/** Who counts what the rules were asked. */
export interface RuleSightings {
  readonly seen: Record<string, number>;
  /** Tells of a promise that is not kept. */
  readonly broken: (invariant: string, detail: string) => void;
  /** How many masters there have been. */
  readonly masterships: () => number;
}

export const ruleSightings: readonly string[] = [
  'attachments after a change of master',
  'attachments with settlements on their way',
  'queues that waited for a node',
  'late settlements that counted',
  'late settlements passed over',
  'SENDs behind a refused one',
];

/** A node's rules, which count how often it came to where they matter. One for each life of a node. */
export class WatchedRules extends StreamRules {
  readonly #rules: StreamRules;
  readonly #sightings: RuleSightings;
  #attachedUnder = 0;

  constructor(rules: StreamRules, sightings: RuleSightings) {
    super();
    this.#rules = rules;
    this.#sightings = sightings;
  }

  override takesNumber(last: number, number: number): boolean {
    return this.#rules.takesNumber(last, number);
  }

  override epochOf(open: Parameters<StreamRules['epochOf']>[0], run: string, position: number): number {
    return this.#rules.epochOf(open, run, position);
  }

  override resendFrom(applied: number): number {
    const masterships = this.#sightings.masterships();
    if (this.#attachedUnder > 0 && this.#attachedUnder < masterships) this.#saw('attachments after a change of master');
    this.#attachedUnder = masterships;
    return this.#rules.resendFrom(applied);
  }

  override heldForAttach(settling: boolean): boolean {
    if (settling) this.#saw('attachments with settlements on their way');
    return this.#rules.heldForAttach(settling);
  }

  override mayStart(markedByAwaited: boolean): boolean {
    if (markedByAwaited) this.#saw('queues that waited for a node');
    return this.#rules.mayStart(markedByAwaited);
  }

  override refusesBehind(refused: boolean): boolean {
    if (refused) this.#saw('SENDs behind a refused one');
    return this.#rules.refusesBehind(refused);
  }

  override leaseOver(silentMs: number, leaseMs: number): boolean {
    const over = this.#rules.leaseOver(silentMs, leaseMs);
    // What follows, that its messages go to others, is what a lease that did run out allows as well: nothing later shows it.
    if (over && silentMs < leaseMs)
      this.#sightings.broken('a silent node keeps its lease', `taken after ${Math.round(silentMs)} of ${leaseMs} ms`);
    return over;
  }

  override takesHeld(attachedAt: number, lapsedAt: number): boolean {
    return this.#rules.takesHeld(attachedAt, lapsedAt);
  }

  override takesLate(heldByAnother: boolean): boolean {
    this.#saw(heldByAnother ? 'late settlements passed over' : 'late settlements that counted');
    return this.#rules.takesLate(heldByAnother);
  }

  #saw(name: string): void {
    this.#sightings.seen[name] = (this.#sightings.seen[name] ?? 0) + 1;
  }
}
