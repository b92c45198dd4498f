/** Stands first in every command. A replica that meets another one stops: it can't know what the command does. */
export const commandVersion = 1;

/** Stands second. The numbers are in journals: never give one a new meaning. */
export const commandType = {
  open: 1,
  enqueue: 2,
  settle: 3,
  transactionPart: 4,
  transactionEnd: 5,
  importEnd: 6,
} as const;

/** What becomes of a settled message. The numbers are in journals. */
export const outcomeCode = { ack: 0, requeue: 1, 'dead-letter': 2, discard: 3 } as const;
export type Outcome = keyof typeof outcomeCode;
export type OutcomeCode = (typeof outcomeCode)[Outcome];

/** How many outcomes there are; their codes are 0 to this − 1. */
export const outcomeCount = 4;

/** The policy of a mastership: it is in the log, so that replicas with different configurations stay equal. */
export interface Policy {
  /** Counted deliveries after which a message goes to the dead letters. */
  readonly maxDeliveries: number;
  readonly deadLetterQueue: string;
}
