import type {
  Address,
  Clock,
  Connection,
  ConnectionHandlers,
  MutualTls,
  Network,
  Random,
  Timer,
} from '@lockstep/kernel';
import { NetworkError } from '@lockstep/kernel';
import { DialHandshake } from './handshake.ts';
import { helloVersionOf, nonceBytes } from './hello.ts';
import type { Hello, HelloVersion, LocalIdentity, Refusal } from './hello.ts';
import { performHandshake } from './perform-handshake.ts';
import type { HandshakeResult } from './perform-handshake.ts';

export interface LinkOptions {
  readonly address: Address;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly secret: Uint8Array | null;
  readonly tls: MutualTls | null;
  /** As it is at the time of the call. */
  readonly local: () => LocalIdentity;
  readonly judge: (hello: Hello, connection: Connection) => Refusal | null;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** The wait before another try grows from the first to the second, with jitter. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

export interface LinkEvents {
  up(hello: Hello): void;
  /** Nobody listens at the address: a machine is there, the process is not. Told at every try. */
  nobodyListens(): void;
  rejected(refusal: Refusal, byPeer: boolean): void;
  /** TLS came to nothing, or a connection with it was closed again and again before the peer had said who it is. Told at every try. */
  untrusted(text: string): void;
  /** What was buffered has gone. */
  drained(): void;
}

/** A link that was up for less than this is retried with growing waits. */
const steadyMs = 1000;
/** A peer that does not want us is asked again this many times more seldom. */
const rejectedFactor = 4;

/** So many connections in a row that were closed in the handshake are no accident. */
const closedMax = 3;

/** Takes no part in what a connection does. */
const inert: ConnectionHandlers = { data() {}, drain() {}, end() {}, close() {} };

/**
 * The connection this node sends to one peer on. Dials for as long as it is open; when the connection breaks, at once, so that a
 * dead process is told from a cut cable within milliseconds.
 */
export class OutgoingLink {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  #state: 'waiting' | 'dialling' | 'up' | 'closed' = 'waiting';
  #connection: Connection | null = null;
  #abandonHandshake: (() => void) | null = null;
  #timer: Timer | null = null;
  #tries = 0;
  /** Handshakes in a row that the other side broke off. */
  #brokenOff = 0;
  /** The peer reads no newer hello; asked anew once it has been up. */
  #helloVersion: HelloVersion | null = null;
  #upSinceMs = 0;
  #probing = false;
  #pending: Uint8Array[] = [];
  /** Whom to tell when one of them has been taken. */
  #tell: Map<Uint8Array, () => void> = new Map();
  #pendingBytes = 0;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  get up(): boolean {
    return this.#state === 'up';
  }

  /** Bytes handed over and not yet taken by the operating system, and those of this turn. */
  get bufferedBytes(): number {
    return (this.#connection?.bufferedBytes ?? 0) + this.#pendingBytes;
  }

  /** Dials at once, if it neither is up nor dials already. */
  dial(): void {
    if (this.#state !== 'waiting') return;
    this.#timer?.cancel();
    this.#state = 'dialling';
    const { network, address, connectTimeoutMs, tls } = this.#options;
    network.connect(address, connectTimeoutMs, tls ?? undefined).then(
      (connection) => this.#connected(connection),
      (error: unknown) => this.#dialFailed(error),
    );
  }

  /** Something hints that the peer is gone: find out now. */
  check(): void {
    if (this.#state !== 'up') {
      this.#tries = 0;
      this.dial();
      return;
    }
    if (this.#probing) return;
    this.#probing = true;
    const { network, address, connectTimeoutMs } = this.#options;
    // Without TLS: whether anybody listens is all that it is about.
    network.connect(address, connectTimeoutMs).then(
      (connection) => {
        this.#probing = false;
        connection.start(inert);
        connection.destroy();
      },
      (error: unknown) => {
        this.#probing = false;
        if (this.#state !== 'up') return;
        // Whatever the reason, what is sent on the old connection would wait for TCP's next try, which may be minutes away.
        this.drop();
        if (isRefused(error)) this.#events.nobodyListens();
      },
    );
  }

  /**
   * Queues chunks for the next `flush`; forgets them when the link is not up. The caller must not change them before `taken` is called, which may be never.
   */
  send(chunks: readonly Uint8Array[], taken?: () => void): void {
    if (this.#state !== 'up') return;
    const last = chunks.at(-1);
    if (taken !== undefined && last !== undefined) this.#tell.set(last, taken);
    for (const chunk of chunks) {
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
    }
  }

  /** Everything queued since the last time, as one write. */
  flush(): void {
    const connection = this.#connection;
    const pending = this.#pending;
    if (pending.length === 0 || connection === null) return;
    const tell = this.#tell;
    this.#forgetPending();
    connection.cork();
    for (const chunk of pending) connection.write(chunk, tell.size === 0 ? undefined : tell.get(chunk));
    connection.uncork();
  }

  /** Breaks the connection and dials anew. */
  drop(): void {
    if (this.#state === 'up') this.#connection?.destroy();
    this.#broken();
  }

  close(): void {
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#abandonHandshake?.();
    this.#connection?.destroy();
    this.#connection = null;
    this.#forgetPending();
  }

  #connected(connection: Connection): void {
    const { clock, random, secret, local, judge, handshakeTimeoutMs } = this.#options;
    if (this.#state === 'closed') {
      connection.start(inert);
      connection.destroy();
      return;
    }
    const judged = (hello: Hello): Refusal | null => judge(hello, connection);
    const version = this.#helloVersion ?? helloVersionOf(local().levels);
    const handshake = new DialHandshake(local(), 'raft', secret, random.bytes(nonceBytes), judged, version);
    this.#abandonHandshake = performHandshake(connection, handshake, clock, handshakeTimeoutMs, (result) => {
      this.#abandonHandshake = null;
      this.#shaken(connection, result);
    });
  }

  #shaken(connection: Connection, result: HandshakeResult): void {
    if (result.type === 'refused') {
      if (this.#speaksOlder(result.refusal, result.byPeer)) return;
      this.#retryAfter(this.#options.retryMaxMs * rejectedFactor);
      this.#events.rejected(result.refusal, result.byPeer);
      return;
    }
    if (result.type === 'lost') {
      this.#retry();
      this.#tellUntrusted(result.error);
      return;
    }
    this.#brokenOff = 0;
    // It may come back as a newer program.
    this.#helloVersion = null;
    this.#state = 'up';
    this.#connection = connection;
    this.#upSinceMs = this.#options.clock.monotonicMs();
    result.take({
      // Nothing is ever sent back on a connection: each side speaks on the one it dialled.
      data: () => connection.destroy(),
      drain: () => this.#events.drained(),
      end: () => connection.destroy(),
      close: () => {
        if (this.#connection === connection) this.#broken();
      },
    });
    this.#events.up(result.hello);
  }

  /** A program of level 1 reads the first hello alone, and says so: then that is what it gets. */
  #speaksOlder({ code }: Refusal, byPeer: boolean): boolean {
    const { levels } = this.#options.local();
    const older = byPeer && code === 'version' && this.#helloVersion === null && levels.min === 1 && levels.max > 1;
    this.#helloVersion = older ? 1 : null;
    if (!older) return false;
    this.#state = 'waiting';
    this.dial();
    return true;
  }

  #tellUntrusted(error: unknown): void {
    if (this.#options.tls === null) return;
    if (error instanceof NetworkError && error.code === 'untrusted') {
      this.#events.untrusted(error.message);
      return;
    }
    this.#brokenOff += 1;
    if (this.#brokenOff < closedMax) return;
    this.#events.untrusted(
      'it closes every connection before it has said who it is: it may not take the certificate of this node, and its log says why',
    );
  }

  #broken(): void {
    if (this.#state !== 'up') return;
    this.#connection = null;
    this.#forgetPending();
    this.#state = 'waiting';
    if (this.#options.clock.monotonicMs() - this.#upSinceMs >= steadyMs) {
      this.#tries = 0;
      this.dial();
    } else {
      this.#retry();
    }
  }

  #forgetPending(): void {
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#tell.size > 0) this.#tell = new Map();
  }

  #dialFailed(error: unknown): void {
    if (this.#state === 'closed') return;
    if (error instanceof NetworkError && error.code === 'untrusted') {
      this.#retryAfter(this.#options.retryMaxMs * rejectedFactor);
      this.#events.untrusted(error.message);
      return;
    }
    this.#retry();
    if (isRefused(error)) this.#events.nobodyListens();
  }

  #retry(): void {
    const { retryMinMs, retryMaxMs } = this.#options;
    this.#retryAfter(Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#tries, 16)));
    this.#tries += 1;
  }

  #retryAfter(delayMs: number): void {
    if (this.#state === 'closed') return;
    this.#state = 'waiting';
    const { clock, random } = this.#options;
    this.#timer = clock.setTimer(delayMs * (0.5 + random.fraction() / 2), () => this.dial());
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof NetworkError && error.code === 'refused';
}
