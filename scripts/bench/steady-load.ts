import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { encodeFrame, FrameParser } from '@lockstep/stomp-server/codec';
import type { Frame } from '@lockstep/stomp-server/codec';

import { nowMs } from './plan.ts';

export interface SteadyLoadOptions {
  readonly port: number;
  readonly destination: string;
  readonly bodyBytes: number;
  readonly producers: number;
  /** Open receipts of each producer. */
  readonly window: number;
}

const limits = { headerBytesMax: 65_536, headersMax: 100, bodyBytesMax: 64 * 1024 * 1024 };

/** Producers with receipts and one consumer at one node, for as long as it is wanted; whoever measures looks at the count. */
export class SteadyLoad {
  readonly #options: SteadyLoadOptions;
  readonly #sockets: Socket[] = [];
  readonly #send: Buffer;
  #receipts = 0;
  #stopped = false;

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    const { destination, bodyBytes } = options;
    this.#send = encoded(
      'SEND',
      [
        ['destination', destination],
        ['receipt', 'r'],
        ['content-length', String(bodyBytes)],
      ],
      Buffer.alloc(bodyBytes, 'x'),
    );
    this.#open(
      (socket) =>
        socket.write(
          encoded('SUBSCRIBE', [
            ['id', '0'],
            ['destination', destination],
          ]),
        ),
      () => {},
    );
    for (let i = 0; i < options.producers; i++) {
      this.#open(
        (socket) => this.#produce(socket, options.window),
        (socket, receipts) => {
          this.#receipts += receipts;
          this.#produce(socket, receipts);
        },
      );
    }
  }

  /** Receipts so far. */
  get receipts(): number {
    return this.#receipts;
  }

  /** Receipts a second from now until `until` resolves. */
  async rateWhile(until: Promise<unknown>): Promise<number> {
    const [fromMs, before] = [nowMs(), this.#receipts];
    await until;
    return Math.round(((this.#receipts - before) * 1000) / (nowMs() - fromMs));
  }

  stop(): void {
    this.#stopped = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  #produce(socket: Socket, count: number): void {
    if (!this.#stopped && count > 0) socket.write(Buffer.concat(Array.from({ length: count }, () => this.#send)));
  }

  #open(onConnected: (socket: Socket) => void, onReceipts: (socket: Socket, count: number) => void): void {
    const socket = connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true });
    this.#sockets.push(socket);
    const parser = new FrameParser(limits);
    socket.write(
      encoded('CONNECT', [
        ['accept-version', '1.2'],
        ['host', 'bench'],
      ]),
    );
    socket.on('data', (chunk) => {
      parser.feed(chunk);
      let receipts = 0;
      for (let frame: Frame | null = parser.next(); frame !== null; frame = parser.next()) {
        if (frame.command === 'CONNECTED') {
          parser.version = '1.2';
          onConnected(socket);
        } else if (frame.command === 'RECEIPT') receipts++;
        else if (frame.command === 'ERROR') throw new Error(`ERROR ${frame.header('message')}`);
      }
      onReceipts(socket, receipts);
    });
    socket.on('error', (error) => {
      if (!this.#stopped) throw error;
    });
  }
}

type Command = Parameters<typeof encodeFrame>[0]['command'];

function encoded(command: Command, headers: [string, string][], body?: Buffer): Buffer {
  return Buffer.from(encodeFrame({ command, headers, version: '1.2', ...(body === undefined ? {} : { body }) }));
}
