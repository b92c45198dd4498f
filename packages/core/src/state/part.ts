import type { JournalPosition } from '@lockstep/kernel';
import type { MessageAttributes } from '../attributes.ts';

/** A message of a transaction that has no end yet. */
export interface Part {
  readonly position: JournalPosition;
  readonly destination: string;
  /** Header block and body together, bytes. */
  readonly size: number;
  /** When its sender's node took it. */
  readonly timestampMs: number;
  readonly attributes: MessageAttributes | null;
}
