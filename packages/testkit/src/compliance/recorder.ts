import type { Connection, ConnectionHandlers, NetworkError } from '@lockstep/kernel';

import { concat } from './setup.ts';

interface Waiter {
  readonly condition: () => boolean;
  readonly resolve: () => void;
}

/** Handlers that write down what happens, for a test to wait for and look at. */
export class Recorder implements ConnectionHandlers {
  readonly chunks: Uint8Array[] = [];
  receivedBytes = 0;
  drains = 0;
  ends = 0;
  readonly closes: (NetworkError | null)[] = [];
  /** Called with each chunk, before those who wait. */
  onData: (chunk: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  onDrain: () => void = () => {};
  #waiters: Waiter[] = [];

  data(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.receivedBytes += chunk.length;
    this.onData(chunk);
    this.#happened();
  }

  drain(): void {
    this.drains++;
    this.onDrain();
    this.#happened();
  }

  end(): void {
    this.ends++;
    this.onEnd();
    this.#happened();
  }

  close(error: NetworkError | null): void {
    this.closes.push(error);
    this.#happened();
  }

  get received(): Uint8Array {
    return concat(this.chunks);
  }

  /** Resolves once the condition, looked at after each call, is true. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push({ condition, resolve });
    });
  }

  #happened(): void {
    for (const waiter of this.#waiters.slice()) {
      if (!waiter.condition()) continue;
      this.#waiters = this.#waiters.filter((one) => one !== waiter);
      waiter.resolve();
    }
  }
}

/** A connection and what was recorded of it. */
export interface RecordedEnd {
  readonly connection: Connection;
  readonly recorder: Recorder;
}

/** Starts a connection with a new recorder. */
export function record(connection: Connection): RecordedEnd {
  const recorder = new Recorder();
  connection.start(recorder);
  return { connection, recorder };
}
