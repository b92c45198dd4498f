import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { until } from './until.ts';

/** What came in one frame, read leniently: header values unescaped as STOMP 1.2 has it, whatever the version. */
export interface RawFrame {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The header lines as they stood on the wire, in order. */
  readonly lines: readonly string[];
  readonly body: Buffer;
}

/** A socket that says whatever it is told, and keeps all that it hears. Nothing of STOMP is checked or made up. */
export class RawClient {
  readonly frames: RawFrame[] = [];
  /** The broker has ended its side, or the connection is gone. */
  ended = false;
  readonly socket: Socket;
  /** Line ends that came on their own: not the one that may follow a frame's NUL. */
  beats: number = 0;
  #rest: Buffer = Buffer.alloc(0);
  #behindFrame = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => (this.ended = true));
    socket.on('close', () => (this.ended = true));
    // What is reset is closed; that is all that counts here.
    socket.on('error', () => (this.ended = true));
  }

  static async open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** Connected, in that version. */
  static async connected(port: number, version = '1.2'): Promise<RawClient> {
    const client = await RawClient.open(port);
    client.say(`CONNECT\naccept-version:${version}\nhost:h\n\n\0`);
    await client.frame('CONNECTED');
    return client;
  }

  /** A text goes out as UTF-8. */
  say(bytes: string | Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** As `say`; resolves when the system has taken it all, or the connection is gone. */
  async pour(bytes: string | Uint8Array): Promise<void> {
    if (this.socket.destroyed) return;
    await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** The first frame of that command that has come or comes, from the `from`th on; fails when the connection ends without it. */
  async frame(command: string, from = 0): Promise<RawFrame> {
    return this.frameWhere(command, (frame) => frame.command === command, from);
  }

  async receipt(id: string): Promise<RawFrame> {
    return this.frameWhere(`RECEIPT ${id}`, (frame) => frame.headers['receipt-id'] === id);
  }

  async frameWhere(what: string, wanted: (frame: RawFrame) => boolean, from = 0): Promise<RawFrame> {
    return until(what, () => {
      const found = this.frames.slice(from).find(wanted);
      if (found === undefined && this.ended) throw new Error(`the connection ended without ${what}: ${this.told()}`);
      return found ?? null;
    });
  }

  /** Resolves when the broker has closed. */
  async end(): Promise<void> {
    await until('the broker to close the connection', () => this.ended);
  }

  count(command: string): number {
    return this.frames.filter((frame) => frame.command === command).length;
  }

  /** All frames, in short. */
  told(): string {
    return this.frames.map(({ command, headers }) => `${command} ${headers['message'] ?? ''}`).join('; ');
  }

  drop(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = this.#cut(); end > 0; end = this.#cut()) this.#rest = this.#rest.subarray(end);
  }

  /** Takes one frame, or a line end between frames, off the front; the number of its bytes, 0 when there is none yet. */
  #cut(): number {
    const bytes = this.#rest;
    if (bytes.length === 0) return 0;
    if (bytes[0] === 10 || bytes[0] === 13) {
      if (!this.#behindFrame) this.beats++;
      this.#behindFrame = false;
      return 1;
    }
    const headEnd = bytes.indexOf('\n\n');
    if (headEnd < 0) return 0;
    const [command = '', ...lines] = bytes.toString('utf8', 0, headEnd).split('\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon)] ??= unescapeHeader(line.slice(colon + 1));
    }
    const length = headers['content-length'];
    const bodyEnd = length === undefined ? bytes.indexOf(0, headEnd + 2) : headEnd + 2 + Number(length);
    if (bodyEnd < 0 || bodyEnd >= bytes.length) return 0;
    this.frames.push({ command, headers, lines, body: Buffer.from(bytes.subarray(headEnd + 2, bodyEnd)) });
    this.#behindFrame = true;
    return bodyEnd + 1;
  }
}

function unescapeHeader(text: string): string {
  return text.replace(/\\([rnc\\])/g, (_, letter: string) => ({ r: '\r', n: '\n', c: ':' })[letter] ?? '\\');
}
