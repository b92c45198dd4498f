/** The first number in a snapshot. */
export const snapshotVersion = 1;

/** A snapshot is a series of records, each with its length before it; chunks cut them anywhere. The first byte of a record says what it is. */
export const recordType = { head: 1, part: 2, queue: 3, message: 4, end: 5 } as const;
