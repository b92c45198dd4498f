import type { JournalPosition } from '@lockstep/kernel';

/** The way into the replicated log, as core sees it. */
export interface Proposer {
  /**
   * Proposes commands at consecutive positions, all or none, and returns the first one's. The bytes are copied before it returns. They come
   * back through `Broker.apply` if they are committed. Null: not now (no longer master, or too much under way).
   */
  propose(commands: readonly Uint8Array[]): JournalPosition | null;
}
