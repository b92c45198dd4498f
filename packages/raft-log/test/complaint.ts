/** What a run found wrong: the property that does not hold, and where that shows. */
export interface Complaint {
  readonly invariant: string;
  readonly detail: string;
}

/** An error that ended a run, as a complaint. */
export function complaintOf(error: unknown): Complaint {
  if (!(error instanceof Error)) throw error;
  const detail = error.stack ?? error.message;
  if (error.name === 'CorruptionError') return { invariant: 'what a crash leaves is no corruption', detail };
  if (error.name === 'AssertionError') return { invariant: error.message, detail };
  return { invariant: 'invariant' in error ? String(error.invariant) : error.name, detail };
}
