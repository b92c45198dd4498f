/**
 * The conditions on which sessions on every node rest, each in one place and asked for wherever it matters. They are apart from the rest so that
 * a test can break one (`new Broker({ ...options, rules: broken })`) and see that it is noticed. Production never gives any.
 */
export class StreamRules {
  /** A stream's commands take effect once each and in order: the next one's number is one more than the last one's. */
  takesNumber(last: number, number: number): boolean {
    return number === last + 1;
  }

  /** The epoch after a process has asked for a stream at `position`: only the process that has the open one keeps it. */
  epochOf(open: { readonly epoch: number; readonly run: string } | null, run: string, position: number): number {
    return open !== null && open.run === run ? open.epoch : position;
  }

  /** Attached anew, a node sends again what is above the last number that it has applied. Returns the first number. */
  resendFrom(applied: number): number {
    return applied + 1;
  }

  /** A node that attaches names as held what is unsettled in its applied state, also where a settlement is on its way (`settling`). */
  heldForAttach(_settling: boolean): boolean {
    return true;
  }

  /** A queue hands nothing out while a node may hold messages of it that this master has not heard of. */
  mayStart(markedByAwaited: boolean): boolean {
    return !markedByAwaited;
  }

  /** A session of which something was refused gets nothing more into the log: it would overtake what its client sends again. */
  refusesBehind(refused: boolean): boolean {
    return refused;
  }

  /** What a silent node holds stays its own for so long. */
  leaseOver(silentMs: number, leaseMs: number): boolean {
    return silentMs >= leaseMs;
  }

  /** A node that has not been attached since its stream lapsed holds nothing of what it names. */
  takesHeld(attachedAt: number, lapsedAt: number): boolean {
    return lapsedAt <= attachedAt;
  }

  /** What a consumer settles without holding it counts only while nobody else does. */
  takesLate(heldByAnother: boolean): boolean {
    return !heldByAnother;
  }
}
