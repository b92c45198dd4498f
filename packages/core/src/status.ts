/** A queue at a glance. Consumers and what they hold are known to the master alone; elsewhere 0. */
export interface QueueStatus {
  readonly name: string;
  /** Live messages: waiting, or with a consumer and not yet acknowledged. */
  readonly depth: number;
  /** Their header blocks and bodies. */
  readonly bytes: number;
  readonly consumers: number;
  /** Handed to consumers and not yet acknowledged. */
  readonly unsettled: number;
}

/** A topic at a glance: known to the master alone. */
export interface TopicStatus {
  readonly name: string;
  readonly consumers: number;
  /** What the subscriptions' windows do not let through yet. */
  readonly waitingMessages: number;
  readonly waitingBytes: number;
}
