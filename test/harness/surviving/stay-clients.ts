/** Where a set of clients is, and what it does. */
export interface StayOptions {
  readonly node: string;
  readonly port: number;
  /** Queues are called `/queue/<name>-<mode>`. */
  readonly name: string;
  /** Between two SENDs of one producer, milliseconds. */
  readonly paceMs: number;
}

/** Acknowledgement modes, each with a queue of its own; `tx`: one on which messages are sent and acknowledged in transactions. */
export const modes = ['individual', 'client', 'auto', 'tx'] as const;

export const queueOf = (name: string, mode: (typeof modes)[number]): string => `/queue/${name}-${mode}`;

/**
 * All clients at one node, of one library. For each acknowledgement mode a producer with receipts and a consumer, and a transactor, which sends
 * and acknowledges in transactions on one connection. None of them ever connects again.
 */
export interface StayClients {
  /** Every connection is there and subscribed. */
  readonly ready: Promise<void>;
  /** Resolves when the transactor has a transaction open, with SENDs and ACKs in it, that it does not commit before `release`. */
  hold(): Promise<void>;
  release(): void;
  /** Nothing more is sent; resolves when all that was has its receipt. */
  stop(): Promise<void>;
  /** Acknowledges what is left, and disconnects with a receipt. */
  finish(): Promise<void>;
  /** However things stand. */
  drop(): void;
}
