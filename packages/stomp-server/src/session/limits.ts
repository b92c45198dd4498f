/** Bounds on what one client may take. Bytes, unless said. */
export interface StompLimits {
  /** Command line and headers of one frame. */
  readonly headerBytes: number;
  /** Number of header lines of one frame. */
  readonly headers: number;
  readonly bodyBytes: number;
  /** Subscriptions of one connection. */
  readonly subscriptions: number;
  /** Open transactions of one connection. */
  readonly transactions: number;
  /** Frames in one transaction. */
  readonly transactionFrames: number;
  /** Header blocks and bodies in all open transactions of one connection. */
  readonly transactionBytes: number;
  /** From accept to a whole CONNECT frame, milliseconds. */
  readonly connectMs: number;
  /** How long a frame waits for a broker that takes nothing in before the client gets an ERROR, milliseconds. */
  readonly sendWaitMs: number;
}

export const defaultStompLimits: StompLimits = {
  headerBytes: 64 * 1024,
  headers: 1000,
  bodyBytes: 16 * 1024 * 1024,
  subscriptions: 1000,
  transactions: 100,
  transactionFrames: 10_000,
  transactionBytes: 32 * 1024 * 1024,
  connectMs: 10_000,
  sendWaitMs: 30_000,
};
