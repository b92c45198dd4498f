/** The first number in a snapshot. Version 1 held bodies. */
export const snapshotVersion = 2;

/**
 * A snapshot is a series of records, each with its length before it; chunks cut them anywhere. The first byte of a record says what it is:
 * a head, the parts of an open transaction, then for each queue its name and runs of its messages, and an end. Numbers are those of `ByteWriter`.
 */
export const recordType = { head: 1, part: 2, queue: 3, messages: 4, end: 5 } as const;

/** Lowest bits of a message's counted deliveries times four. */
export const messageFlag = {
  dead: 1,
  /** Reason and original destination follow; else a dead letter has those of the one before it in the same record. */
  deadLetterFollows: 2,
} as const;
