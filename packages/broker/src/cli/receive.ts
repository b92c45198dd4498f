import type { ReceivedMessage, StompClient, StompClientError } from '@lockstep/stomp-server';

import { clientFailure, connectClient, parseCount, parseHeaders } from './client.ts';
import type { LoginFlags } from './client.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

export interface ReceiveFlags extends LoginFlags {
  readonly header: readonly string[];
  readonly count?: string;
  readonly follow?: boolean;
  readonly ack: string;
}

const ACK_MODES = ['auto', 'client', 'client-individual'] as const;
type Mode = (typeof ACK_MODES)[number];

function parseMode(text: string): Mode {
  const mode = ACK_MODES.find((name) => name === text);
  if (mode !== undefined) return mode;
  throw new CommandError(exitCodes.usage, `--ack: '${text}': must be one of ${ACK_MODES.join(', ')}`);
}

/** Shows messages, each body on its own line, and acknowledges each once it has been written out. */
class Reception {
  readonly #wanted: number;
  readonly #mode: Mode;
  readonly #done: (error: unknown) => void;
  #client: StompClient | null = null;
  #seen = 0;
  /** Of those seen: not yet printed and acknowledged. Acknowledgements overlap; the prefetch bounds how many. */
  #open = 0;
  #printed: Promise<void> = Promise.resolve();

  constructor(wanted: number, mode: Mode, done: (error: unknown) => void) {
    this.#wanted = wanted;
    this.#mode = mode;
    this.#done = done;
  }

  attach(client: StompClient): void {
    this.#client = client;
  }

  take(message: ReceivedMessage): void {
    // What comes beyond the wish stays unacknowledged, and so with the broker.
    if (this.#seen >= this.#wanted) return;
    this.#seen += 1;
    this.#open += 1;
    const body = Buffer.concat([message.body, Buffer.from('\n')]);
    this.#printed = this.#printed.then(() => print(body));
    this.#printed
      .then(() => this.#acknowledge(message))
      .then(() => {
        this.#open -= 1;
        if (this.#open === 0 && this.#seen === this.#wanted) this.#done(null);
      }, this.#done);
  }

  async #acknowledge(message: ReceivedMessage): Promise<void> {
    if (this.#mode === 'auto') return;
    try {
      await this.#client?.ack(message);
    } catch (error) {
      const { code } = error as StompClientError;
      // The connection is another by now, and the broker gives the message again.
      if (code === 'stale' || code === 'lost') this.#seen -= 1;
      else throw error;
    }
  }
}

function print(body: Uint8Array): Promise<void> {
  return new Promise((resolve) => process.stdout.write(body, () => resolve()));
}

/** Receives `--count` messages (one, unless `--follow`), and then ends. */
export async function receive(uri: string, destination: string, flags: ReceiveFlags): Promise<void> {
  const follow = flags.follow === true;
  const wanted = parseCount(flags.count, follow ? Infinity : 1);
  const mode = parseMode(flags.ack);
  // No more than are wanted: the others stay free for other consumers.
  const prefetch = Number.isFinite(wanted) && !flags.header.some((text) => text.startsWith('prefetch-count:'));
  const headers = parseHeaders(prefetch ? [...flags.header, `prefetch-count:${Math.min(wanted, 1000)}`] : flags.header);
  let finish: (error: unknown) => void = () => {};
  const finished = new Promise<unknown>((resolve) => (finish = resolve));
  const reception = new Reception(wanted, mode, finish);
  const client = await connectClient({ uri, login: flags, patient: follow, onClosed: finish });
  reception.attach(client);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => finish(null));
  try {
    await client.subscribe(destination, (message) => reception.take(message), { ack: mode, headers, onEnded: finish });
    const error = await finished;
    if (error !== null) throw error as Error;
  } catch (error) {
    throw clientFailure(error, uri);
  } finally {
    await client.disconnect();
  }
}
