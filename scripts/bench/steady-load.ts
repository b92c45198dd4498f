import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { encodeFrame, FrameParser } from '@lockstep/stomp-server/codec';
import type { Frame } from '@lockstep/stomp-server/codec';
import { build } from 'hdr-histogram-js';
import type { Histogram } from 'hdr-histogram-js';

import { nowMs } from './plan.ts';

export interface SteadyLoadOptions {
  readonly port: number;
  readonly destination: string;
  readonly bodyBytes: number;
  readonly producers: number;
  /** Open receipts of each producer. */
  readonly window: number;
}

export interface SteadyFigures {
  /** Receipts a second. */
  readonly rate: number;
  /** From SEND to RECEIPT. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** SENDs that went out together and whose receipts are open. */
interface Sent {
  readonly atMs: number;
  count: number;
}

const limits = { headerBytesMax: 65_536, headersMax: 100, bodyBytesMax: 64 * 1024 * 1024 };

/** Producers with receipts and one consumer at one node, for as long as it is wanted; whoever measures looks at the count. */
export class SteadyLoad {
  readonly #options: SteadyLoadOptions;
  readonly #sockets: Socket[] = [];
  readonly #send: Buffer;
  #receipts = 0;
  #latencies: Histogram = newHistogram();
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
      const open: Sent[] = [];
      this.#open(
        (socket) => this.#produce(socket, options.window, open),
        (socket, receipts) => {
          this.#received(receipts, open);
          this.#produce(socket, receipts, open);
        },
      );
    }
  }

  /** From now until `until` resolves. One at a time. */
  async figuresWhile(until: Promise<unknown>): Promise<SteadyFigures> {
    const [fromMs, before] = [nowMs(), this.#receipts];
    this.#latencies = newHistogram();
    await until;
    const rate = Math.round(((this.#receipts - before) * 1000) / (nowMs() - fromMs));
    const atPercentile = (share: number): number => this.#latencies.getValueAtPercentile(share) / 1000;
    return { rate, p50Ms: atPercentile(50), p99Ms: atPercentile(99) };
  }

  stop(): void {
    this.#stopped = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  #produce(socket: Socket, count: number, open: Sent[]): void {
    if (this.#stopped || count === 0) return;
    open.push({ atMs: nowMs(), count });
    socket.write(Buffer.concat(Array.from({ length: count }, () => this.#send)));
  }

  /** They come in the order of the SENDs. */
  #received(receipts: number, open: Sent[]): void {
    this.#receipts += receipts;
    for (let left = receipts; left > 0;) {
      const sent = open[0]!;
      const count = Math.min(left, sent.count);
      this.#latencies.recordValueWithCount(Math.max(1, Math.round((nowMs() - sent.atMs) * 1000)), count);
      left -= count;
      sent.count -= count;
      if (sent.count === 0) open.shift();
    }
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

/** Of microseconds, to three digits. */
function newHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 3 });
}

type Command = Parameters<typeof encodeFrame>[0]['command'];

function encoded(command: Command, headers: [string, string][], body?: Buffer): Buffer {
  return Buffer.from(encodeFrame({ command, headers, version: '1.2', ...(body === undefined ? {} : { body }) }));
}
