declare const brand: unique symbol;

/** A primitive that carries its meaning in its type, so that a node id can't be passed for a session id. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** One process, one member of a logical broker; `a`, `b`, `c` in the documentation's examples. */
export type NodeId = Brand<string, 'NodeId'>;

/** A logical broker: a master and its slaves together. */
export type BrokerId = Brand<string, 'BrokerId'>;

/** Where an entry stands in the replicated journal: 1, 2, 3 … A safe integer. */
export type JournalPosition = Brand<number, 'JournalPosition'>;

/** One client connection, for as long as it lives; unique in the logical broker over all time. Holds only `[A-Za-z0-9._-]`. */
export type SessionId = Brand<string, 'SessionId'>;
