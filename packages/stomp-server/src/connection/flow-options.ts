/** How much may be on the way in one connection, and how long it is waited for. */
export interface FlowOptions {
  /** Requests that the broker has not answered: at so many, reading stops. */
  readonly unansweredRequests: number;
  /** Bytes of messages in them: likewise. */
  readonly unansweredBytes: number;
  /** How long one client's frames may keep the node busy before it is the others' turn, milliseconds: some frames cost much and are short. */
  readonly sliceMs: number;
  /** Bytes of output that the client has not taken: above it reading stops. Above what windows of messages hold, so that a client may send before it reads. */
  readonly outputPauseBytes: number;
  /** Above it the connection is cut off. */
  readonly outputBytesMax: number;
  /** How long CONNECT waits for a broker that accepts, milliseconds. Then: closed without an ERROR frame. php-stomp gives up at 2 s. */
  readonly connectWaitMs: number;
  /** How long the end of a session waits for replies to what was asked before, milliseconds. */
  readonly finishMs: number;
  /** How long the client has to take the last frames and to close, milliseconds: from when it last sent something. */
  readonly lingerMs: number;
  /** However much longer it sends (it may be in the middle of a large frame, on a slow line, and read only then): after so long it is cut off. */
  readonly lingerMsMax: number;
  /** How much of its further input is thrown away meanwhile before it is no longer read. */
  readonly lingerBytes: number;
}

export const defaultFlowOptions: FlowOptions = {
  unansweredRequests: 10_000,
  unansweredBytes: 8 * 1024 * 1024,
  sliceMs: 10,
  outputPauseBytes: 32 * 1024 * 1024,
  outputBytesMax: 256 * 1024 * 1024,
  connectWaitMs: 1_500,
  finishMs: 5_000,
  lingerMs: 3_000,
  lingerMsMax: 30_000,
  lingerBytes: 64 * 1024 * 1024,
};
