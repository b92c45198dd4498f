/**
 * - `refused`: the broker answered with an ERROR frame; `message` is its own
 * - `lost`: the connection broke before the answer, and it can't be told whether it took effect
 * - `stale`: the message came over an earlier connection; the broker gives it again
 * - `unreachable`: no address answered, within the attempts that the URI allows
 * - `closed`: the client has been closed
 * - `bad-uri`: the URI can't be understood
 */
export type StompClientErrorCode = 'refused' | 'lost' | 'stale' | 'unreachable' | 'closed' | 'bad-uri';

/** Every failure of a StompClient is one of these. */
export class StompClientError extends Error {
  override readonly name = 'StompClientError';
  readonly code: StompClientErrorCode;

  constructor(code: StompClientErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
