import type { Clock, Connection, ConnectionHandlers, NetworkError, Timer } from '@lockstep/kernel';
import { FrameReader } from './frames.ts';
import type { Handshake, HandshakeOutcome } from './handshake.ts';
import { handshakeFrameBytesMax } from './hello.ts';
import type { Hello, Refusal } from './hello.ts';

export type HandshakeResult =
  /** `take` must be called in the same turn: the handlers get the bytes after the handshake (at once, when some are there) and all that follows. */
  | { readonly type: 'accepted'; readonly hello: Hello; readonly take: (handlers: ConnectionHandlers) => void }
  /** The connection is closed, or is closing. */
  | { readonly type: 'refused'; readonly refusal: Refusal; readonly byPeer: boolean }
  /** It broke, or the time was up (`error` null: it was closed in good order, or the time-out struck). */
  | { readonly type: 'lost'; readonly error: NetworkError | null };

/**
 * Runs a handshake over a connection that was not started yet. Takes in at most one small frame at a time and closes the
 * connection when the time is up. `done` is called exactly once, unless `abandon` (the return value) was called before.
 */
export function performHandshake(
  connection: Connection,
  handshake: Handshake,
  clock: Clock,
  timeoutMs: number,
  done: (result: HandshakeResult) => void,
): () => void {
  const run = new HandshakeRun(connection, handshake, done);
  run.start(clock, timeoutMs);
  return () => run.abandon();
}

class HandshakeRun implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #handshake: Handshake;
  readonly #reader: FrameReader = new FrameReader(handshakeFrameBytesMax);
  #done: ((result: HandshakeResult) => void) | null;
  #next: ConnectionHandlers | null = null;
  #timer: Timer | null = null;

  constructor(connection: Connection, handshake: Handshake, done: (result: HandshakeResult) => void) {
    this.#connection = connection;
    this.#handshake = handshake;
    this.#done = done;
  }

  start(clock: Clock, timeoutMs: number): void {
    this.#timer = clock.setTimer(timeoutMs, () => {
      this.#connection.destroy();
      this.#finish({ type: 'lost', error: null });
    });
    this.#connection.start(this);
    for (const frame of this.#handshake.opening) this.#connection.write(frame);
  }

  abandon(): void {
    this.#done = null;
    this.#timer?.cancel();
    this.#connection.destroy();
  }

  data(chunk: Uint8Array): void {
    if (this.#next !== null) {
      this.#next.data(chunk);
      return;
    }
    if (this.#done === null) return;
    this.#reader.push(chunk);
    for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) {
      if (frame === 'too-large') {
        this.#conclude({
          type: 'refused',
          byPeer: false,
          refusal: { code: 'malformed', text: 'its first bytes are not those of a peer' },
        });
        return;
      }
      const step = this.#handshake.step(frame);
      for (const bytes of step.send) this.#connection.write(bytes);
      if (step.outcome !== null) {
        this.#conclude(step.outcome);
        return;
      }
    }
  }

  drain(): void {
    this.#next?.drain();
  }

  end(): void {
    if (this.#next !== null) this.#next.end();
    else this.#connection.end();
  }

  close(error: NetworkError | null): void {
    this.#timer?.cancel();
    if (this.#next !== null) this.#next.close(error);
    else this.#finish({ type: 'lost', error });
  }

  #conclude(outcome: HandshakeOutcome): void {
    if (outcome.type === 'refused') {
      // What was sent last says why: let it go out, and take nothing more in. The timer still runs: it closes what the other side keeps open.
      this.#connection.end();
      this.#finish(outcome);
      return;
    }
    const rest = this.#reader.rest();
    const take = (handlers: ConnectionHandlers): void => {
      this.#next = handlers;
      if (rest.length > 0) handlers.data(rest);
    };
    this.#finish({ type: 'accepted', hello: outcome.hello, take });
  }

  #finish(result: HandshakeResult): void {
    const done = this.#done;
    this.#done = null;
    if (result.type !== 'refused') this.#timer?.cancel();
    done?.(result);
  }
}
