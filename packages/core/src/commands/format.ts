import type { Refusal } from '../requests.ts';

/** Stands first in every command. A replica that meets another one stops: it can't know what the command does. */
export const commandVersion = 2;

/** Stands second. The numbers are in journals: never give one a new meaning. */
export const commandType = {
  open: 1,
  enqueue: 2,
  settle: 3,
  transactionPart: 4,
  transactionEnd: 5,
  importEnd: 6,
  openStream: 7,
  streamed: 8,
  refuse: 9,
  mark: 10,
  lapse: 11,
  lost: 12,
} as const;

/** What a `streamed` command may hold. */
export type StreamedType = (typeof commandType)['enqueue' | 'settle' | 'transactionPart' | 'transactionEnd'];

/**
 * What becomes of a settled message. The numbers are in journals. `requeue`: it stays where it is, with one more delivery counted. `dead-letter`:
 * likewise, and it goes to the queue that the command names, for the reason that it names. `return`: it was written to a client that is gone or has unsubscribed; no
 * delivery is counted, but the next one is a redelivery.
 */
export const outcomeCode = { ack: 0, requeue: 1, 'dead-letter': 2, discard: 3, return: 4 } as const;
export type Outcome = keyof typeof outcomeCode;
export type OutcomeCode = (typeof outcomeCode)[Outcome];

/** How many outcomes there are; their codes are 0 to this − 1. */
export const outcomeCount = 5;

/** Reasons of a `refuse` command. Their places are in journals: new ones go to the end. */
export const refusalCodes: readonly Refusal['code'][] = [
  'store-full',
  'overloaded',
  'no-such-message',
  'too-large',
  'bad-destination',
  'behind-refused',
];
