import type { JournalPosition } from '@lockstep/kernel';

/** Which records the state still refers to: the log keeps those, and no others. */
export interface LiveRecords {
  /** Called for the command that is being applied, and for no other. */
  retain(position: JournalPosition): void;
  /** It is not needed any more, for good. */
  release(position: JournalPosition): void;
}
