import { assert, NetworkError } from '@lockstep/kernel';
import type { Address, Connection, ConnectionHandlers } from '@lockstep/kernel';

import type { EventOwner, Simulation } from '../simulation.ts';
import type { SimStream } from './sim-stream.ts';

/** More than this many bytes waiting for the system: `write` says false. */
const HIGH_WATER_BYTES = 16 * 1024;

/** One end of a simulated connection. Bytes leave by `out` and come in by `in`; both are set before anybody sees it. */
export class SimConnection implements Connection {
  readonly remote: Address;
  readonly local: Address;
  readonly owner: EventOwner;
  readonly #simulation: Simulation;
  #out: SimStream | null = null;
  #in: SimStream | null = null;
  #handlers: ConnectionHandlers | null = null;
  #onClosed: (() => void) | null = null;
  #closed = false;
  #ending = false;
  #paused = false;
  #corked = 0;
  #needsDrain = false;
  #closing: { readonly error: NetworkError | null } | null = null;

  constructor(simulation: Simulation, owner: EventOwner, local: Address, remote: Address) {
    this.#simulation = simulation;
    this.owner = owner;
    this.local = local;
    this.remote = remote;
  }

  attach(out: SimStream, incoming: SimStream, onClosed: () => void): void {
    this.#out = out;
    this.#in = incoming;
    this.#onClosed = onClosed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get corked(): boolean {
    return this.#corked > 0;
  }

  get receptive(): boolean {
    return this.#handlers !== null && !this.#paused && !this.#closed;
  }

  get bufferedBytes(): number {
    return this.#closed ? 0 : this.#outgoing.queuedBytes;
  }

  start(handlers: ConnectionHandlers): void {
    assert(this.#handlers === null, 'a connection was started twice');
    this.#handlers = handlers;
    if (this.#closing !== null) this.#announceClose();
    else this.#incoming.wake();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed || this.#ending || this.owner.state === 'dead') return true;
    const full = this.#outgoing.queuedBytes + chunk.length >= HIGH_WATER_BYTES;
    this.#outgoing.push(chunk);
    if (full) this.#needsDrain = true;
    if (!this.corked) this.#outgoing.flush();
    return !full;
  }

  cork(): void {
    this.#corked++;
  }

  uncork(): void {
    if (this.#corked > 0) this.#corked--;
    if (this.#corked === 0 && !this.#closed) this.#outgoing.flush();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (!this.#closed) this.#incoming.wake();
  }

  end(): void {
    if (this.#closed || this.#ending || this.owner.state === 'dead') return;
    this.#ending = true;
    this.#corked = 0;
    this.#outgoing.finish();
    this.closeIfDone();
  }

  destroy(): void {
    if (this.#closed || this.owner.state === 'dead') return;
    this.#shut(null);
    this.#outgoing.abandon(this.#incoming.unreadBytes > 0);
  }

  /** The streams call these. */
  takeData(chunk: Uint8Array): void {
    this.#simulation.note('data', chunk.length, chunk[0]);
    this.#handlers?.data(chunk);
  }

  takeEnd(): void {
    this.#handlers?.end();
    this.closeIfDone();
  }

  /** The queue of `out` has become empty. */
  queueEmptied(): void {
    if (!this.#needsDrain || this.#ending || this.#closed) return;
    this.#needsDrain = false;
    this.#simulation.schedule(0.001, 'drain', this.owner, () => {
      if (!this.#closed && !this.#ending) this.#handlers?.drain();
    });
  }

  closeIfDone(): void {
    if (!this.#closed && this.#outgoing.finSent && this.#incoming.finTaken) this.#shut(null);
  }

  /** The connection broke. */
  fail(code: 'reset' | 'timeout'): void {
    if (this.#closed) return;
    this.#shut(new NetworkError(code, `connection with ${this.remote.host}:${this.remote.port}: ${code}`));
    this.#outgoing.drop();
  }

  /** The process died, or its host lost power (`silently`): then the other side hears nothing of it. */
  die(silently: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed?.();
    if (silently) this.#outgoing.drop();
    else this.#outgoing.abandon(this.#incoming.unreadBytes > 0);
    this.#incoming.wake();
  }

  get #outgoing(): SimStream {
    assert(this.#out !== null, 'an unattached connection was used');
    return this.#out;
  }

  get #incoming(): SimStream {
    assert(this.#in !== null, 'an unattached connection was used');
    return this.#in;
  }

  #shut(error: NetworkError | null): void {
    this.#closed = true;
    this.#closing = { error };
    this.#onClosed?.();
    if (this.#handlers !== null) this.#announceClose();
    // What is still on the way here is answered by the system, even should the process die before it comes.
    this.#incoming.wake();
  }

  #announceClose(): void {
    const error = this.#closing?.error ?? null;
    this.#simulation.schedule(0.001, 'close', this.owner, () => this.#handlers?.close(error));
  }
}
