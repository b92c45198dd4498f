/** The first number in a snapshot; one with another is not read. */
export const snapshotVersion = 4;

/**
 * A snapshot is a series of records, each with its length before it; chunks cut them anywhere. The first byte of a record says what it is:
 * a head, the parts of an open transaction, each stream with its parts, runs of its marks and of its refused sessions, then for each queue its name and runs of its messages, and an
 * end. Numbers are those of `ByteWriter`.
 */
export const recordType = {
  head: 1,
  part: 2,
  queue: 3,
  messages: 4,
  end: 5,
  stream: 6,
  streamPart: 7,
  marks: 8,
  refused: 9,
  /** The messages that follow are of that priority; at the beginning of a queue they are of the default one. */
  priority: 10,
  duplicateIds: 11,
} as const;

/** Lowest bits of a message's counted deliveries times `countScale`. */
export const messageFlag = {
  dead: 1,
  /** Reason and original destination follow; else a dead letter has those of the one before it in the same record. */
  deadLetterFollows: 2,
  /** It was delivered to a client that gave it back. */
  returned: 4,
} as const;

export const countScale = 8;
