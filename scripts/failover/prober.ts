import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { encodeFrame, FrameParser } from '@lockstep/stomp-server/codec';

const limits = { headerBytesMax: 65_536, headersMax: 100, bodyBytesMax: 1_048_576 };
const retryMs = 5;
const destination = '/queue/failover-times';

/**
 * One producer that always has a receipted SEND under way, and goes to the next node whenever its connection ends. Tells of each
 * receipt when it came, and when its SEND was written.
 */
export class Prober {
  readonly #ports: readonly number[];
  readonly #answerWithinMs: number;
  readonly #onReceipt: (atMs: number, sentAtMs: number) => void;
  #next: number;
  #socket: Socket | null = null;
  #stopped = false;
  #sent = 0;
  #sentAtMs = 0;

  /** `answerWithinMs`: a stopped process's system still accepts connections, and nothing comes; nor does a receipt over one that was there. */
  constructor(
    ports: readonly number[],
    first: number,
    answerWithinMs: number,
    onReceipt: (atMs: number, sentAtMs: number) => void,
  ) {
    this.#ports = ports;
    this.#answerWithinMs = answerWithinMs;
    this.#next = first;
    this.#onReceipt = onReceipt;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }

  #connect(): void {
    if (this.#stopped) return;
    const port = this.#ports[this.#next++ % this.#ports.length]!;
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket = socket;
    const parser = new FrameParser(limits);
    let patience = setTimeout(() => socket.destroy(), this.#answerWithinMs);
    const send = (): void => {
      patience = setTimeout(() => socket.destroy(), this.#answerWithinMs);
      this.#send(socket);
    };
    socket.on('connect', () => {
      socket.write(
        encodeFrame({
          command: 'CONNECT',
          headers: [
            ['accept-version', '1.2'],
            ['host', 'x'],
          ],
          version: '1.2',
        }),
      );
    });
    socket.on('data', (chunk) => {
      parser.feed(chunk);
      for (let frame = parser.next(); frame !== null; frame = parser.next()) {
        if (frame.command === 'CONNECTED') {
          parser.version = '1.2';
          clearTimeout(patience);
          send();
        } else if (frame.command === 'RECEIPT') {
          clearTimeout(patience);
          this.#onReceipt(performance.now(), this.#sentAtMs);
          setTimeout(send, 1);
        }
      }
    });
    socket.on('end', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(patience);
      setTimeout(() => this.#connect(), retryMs);
    });
  }

  #send(socket: Socket): void {
    const receipt = String(++this.#sent);
    this.#sentAtMs = performance.now();
    const headers: [string, string][] = [
      ['destination', destination],
      ['receipt', receipt],
    ];
    socket.write(encodeFrame({ command: 'SEND', headers, body: Buffer.from(receipt), version: '1.2' }));
  }
}
