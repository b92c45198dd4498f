/** How a subscription to a queue is to be served, where that is not as all others. */
export interface ConsumerAttributes {
  /** Consumers of a higher one are given messages first, for as long as they have room; 0 as a rule. */
  readonly priority: number;
  /** It alone is given the queue's messages, unless there is another such one before it. */
  readonly exclusive: boolean;
  /** In place of the queue's, for what this consumer gives back; null: the queue's. */
  readonly maxDeliveries: number | null;
}

/** A consumer without attributes has `null`, which is the same. */
export const noConsumerAttributes: ConsumerAttributes = {
  priority: 0,
  exclusive: false,
  maxDeliveries: null,
};
