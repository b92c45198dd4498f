/** What a message takes in the log beside its header block and body, roughly; counted, so that a flood of empty messages meets the limit too. */
export const recordOverheadBytes = 64;

/** 14 bytes in its chunk, 8 for the dispatcher's notes where there are some, and chunks are seldom full. */
const messageIndexBytes = 32;
const queueIndexBytes = 1536;

/** Memory for the state, bytes, roughly: so many messages in so many queues. */
export function indexBytesOf(messages: number, queues: number): number {
  return messages * messageIndexBytes + queues * queueIndexBytes;
}
