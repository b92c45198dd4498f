/** What becomes of a queue's messages that are given back. The master's counts; the log says what came of it. */
export interface DestinationPolicy {
  /** Counted deliveries after which a message is a dead letter; Infinity: however many there were. */
  readonly maxDeliveries: number;
  /** `/queue/…`, where its dead letters go; null: they are dropped. */
  readonly deadLetterQueue: string | null;
}
