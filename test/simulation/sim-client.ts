import { decodeText, encodeText } from '@lockstep/kernel';
import type { Address, Connection } from '@lockstep/kernel';
import { encodeFrame, FrameParser } from '@lockstep/stomp-server/codec';
import type { ClientCommand, Frame } from '@lockstep/stomp-server/codec';
import type { SimProcess } from '@lockstep/testkit';

const limits = { headerBytesMax: 64 * 1024, headersMax: 100, bodyBytesMax: 4 * 1024 * 1024 };
const connectTimeoutMs = 1000;
/** A client that hears nothing for so long takes its connection for dead: what a heart-beat would tell it. */
const silenceMs = 5000;
const beatMs = 2000;
const retryMs: readonly [number, number] = [20, 200];

/** What a simulated client does with its connection. */
export interface ClientScript {
  /** CONNECTED has come. */
  connected(client: SimClient): void;
  frame(client: SimClient, frame: Frame): void;
  /** Whatever had no answer has none. Another connection is being made. */
  disconnected(): void;
}

/** A STOMP 1.2 client that always connects again, to any node, after whatever happens to its connection. */
export class SimClient {
  readonly name: string;
  readonly #process: SimProcess;
  readonly #addresses: readonly Address[];
  readonly #script: ClientScript;
  #connection: Connection | null = null;
  #lastHeardMs = 0;
  #stopped = false;

  constructor(name: string, process: SimProcess, addresses: readonly Address[], script: ClientScript) {
    this.name = name;
    this.#process = process;
    this.#addresses = addresses;
    this.#script = script;
    this.#retry();
    this.#watch();
  }

  get open(): boolean {
    return this.#connection !== null;
  }

  send(command: ClientCommand, headers: readonly (readonly [string, string])[], body?: string): void {
    const bytes = body === undefined ? undefined : encodeText(body);
    this.#connection?.write(encodeFrame({ command, headers, body: bytes, version: '1.2' }));
  }

  /** Lets go of the connection in a rude way, and makes another. */
  drop(): void {
    this.#connection?.destroy();
  }

  stop(): void {
    this.#stopped = true;
    this.#connection?.destroy();
  }

  #retry(): void {
    if (this.#stopped) return;
    const delay = this.#process.random.between(...retryMs);
    this.#process.clock.setTimer(delay, () => void this.#connect());
  }

  async #connect(): Promise<void> {
    const address = this.#process.random.pick([...this.#addresses]);
    let connection: Connection;
    try {
      connection = await this.#process.network.connect(address, connectTimeoutMs);
    } catch {
      this.#retry();
      return;
    }
    this.#run(connection);
  }

  #run(connection: Connection): void {
    const parser = new FrameParser(limits);
    this.#connection = connection;
    this.#lastHeardMs = this.#process.clock.monotonicMs();
    connection.start({
      data: (chunk) => {
        this.#lastHeardMs = this.#process.clock.monotonicMs();
        parser.feed(chunk);
        for (let frame = parser.next(); frame !== null; frame = parser.next()) {
          if (frame.command === 'CONNECTED') {
            parser.version = '1.2';
            this.#script.connected(this);
          } else this.#script.frame(this, frame);
        }
      },
      drain() {},
      end: () => connection.destroy(),
      close: () => {
        if (this.#connection === connection) this.#connection = null;
        this.#script.disconnected();
        this.#retry();
      },
    });
    this.send('CONNECT', [
      ['accept-version', '1.2'],
      ['host', 'sim'],
      ['heart-beat', `${beatMs},${beatMs}`],
    ]);
  }

  /** Sends heart-beats, and drops a connection on which nothing comes. */
  #watch(): void {
    if (this.#stopped) return;
    this.#process.clock.setTimer(beatMs, () => {
      this.#connection?.write(encodeText('\n'));
      if (this.#process.clock.monotonicMs() - this.#lastHeardMs > silenceMs) this.#connection?.destroy();
      this.#watch();
    });
  }
}

/** The body as text. */
export function bodyText(frame: Frame): string {
  return decodeText(frame.body);
}
