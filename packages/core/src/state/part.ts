import type { JournalPosition } from '@lockstep/kernel';

/** A message of a transaction that has no end yet. */
export interface Part {
  readonly position: JournalPosition;
  readonly destination: string;
  /** Header block and body together, bytes. */
  readonly size: number;
}
