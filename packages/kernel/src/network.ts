export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Mutual TLS: each side shows a certificate, and takes only one that `ca` has signed. Which names it must bear is for the caller
 * to judge (`Connection.certifiedNames`). All are PEM.
 */
export interface MutualTls {
  /** The own certificate, with what stands between it and `ca`, if anything. */
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
  /** The authorities that count; no others do. */
  readonly ca: Uint8Array;
}

export interface ListenTls extends MutualTls {
  /** Somebody was turned away before there was a connection, with an error of code `untrusted`. */
  readonly onUntrusted: (remote: Address, error: NetworkError) => void;
}

/** Reliable byte streams, as TCP gives them. */
export interface Network {
  /** Port 0 takes a free one; `Listener.address` says which. `onConnection` must call `Connection.start` in the same turn. Rejects with NetworkError (`in-use`, …). */
  listen(address: Address, onConnection: (connection: Connection) => void, tls?: ListenTls): Promise<Listener>;
  /**
   * Resolves when connected; the caller must call `Connection.start` in the turn in which it learns of it. Rejects with NetworkError. With
   * `tls` the other side may still refuse this one's certificate after that: then the connection closes with `untrusted`.
   */
  connect(address: Address, timeoutMs: number, tls?: MutualTls): Promise<Connection>;
}

export interface Listener {
  readonly address: Address;
  /** Takes no more connections; those that were taken live on. */
  close(): Promise<void>;
}

export interface ConnectionHandlers {
  /** The bytes are the receiver's to keep. Not called while paused. */
  data(chunk: Uint8Array): void;
  /** After `write` returned false: the buffered bytes have gone, more may be written. */
  drain(): void;
  /** The other side has finished sending; what is left to write may still be written. */
  end(): void;
  /** Last call, exactly once, whoever closed it. `error` when it did not end in good order. */
  close(error: NetworkError | null): void;
}

export interface Connection {
  readonly remote: Address;
  readonly local: Address;
  /**
   * What the other side's certificate says it is: `CN:…` (common name), `DNS:…` and `URI:…` (alternative names). Absent without TLS.
   */
  readonly certifiedNames?: readonly string[];
  /** Sets the handlers and lets bytes flow. Exactly once. */
  start(handlers: ConnectionHandlers): void;
  /**
   * Queues bytes; the caller must not change them afterwards, or not before `taken` is called: nobody needs them any more. Perhaps it never is. False: more is buffered than is
   * good, wait for `drain`. Does nothing once the connection is closed.
   */
  write(chunk: Uint8Array, taken?: () => void): boolean;
  /**
   * Only where what is sent keeps its bounds (WebSocket), and in place of `write`: sends the chunks as one message. What comes in may be split
   * and joined in any way, as on any connection.
   */
  writeMessage?(chunks: readonly Uint8Array[]): boolean;
  /** Gathers writes until the matching `uncork`, to go out as one. */
  cork(): void;
  uncork(): void;
  /** Bytes written and not yet taken by the operating system. */
  readonly bufferedBytes: number;
  /** Back-pressure on the other side: no `data` until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what is buffered, then the end of the stream. Bytes still come in until the other side ends too. */
  end(): void;
  /** Drops what is buffered and closes at once. */
  destroy(): void;
}

/**
 * `refused`: nobody listens there. `reset`: an established connection broke. `untrusted`: TLS came to nothing; one of the two does not
 * take the other's certificate, or does not speak TLS.
 */
export type NetworkErrorCode =
  | 'refused'
  | 'reset'
  | 'timeout'
  | 'unreachable'
  | 'in-use'
  | 'denied'
  | 'untrusted'
  | 'other';

/** Every failure of a network port is one of these. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: NetworkErrorCode;
  constructor(code: NetworkErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
