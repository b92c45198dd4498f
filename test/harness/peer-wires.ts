import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** Every hello has this in front of what it says (raft-log's `driver/peers/hello.ts`), behind it two bytes of its layout. */
const helloMark = Buffer.from('LKSP');

/** Who dials, by its hello; null while too little of it has come. Only nodes without TLS between them can be told apart so. */
function dialler(bytes: Buffer): string | null {
  const mark = bytes.indexOf(helloMark);
  if (mark < 0) return null;
  const layout = bytes[mark + 5];
  const broker = mark + 8 + (layout === 2 ? 4 : 0);
  const node = broker + 1 + (bytes[broker] ?? 0);
  const end = node + 1 + (bytes[node] ?? Infinity);
  return end > bytes.length ? null : bytes.toString('utf8', node + 1, end);
}

/** One connection between two nodes. Bytes wait while their way is cut, as TCP's do, and so does a connection's end. */
class Wire {
  readonly to: string;
  from: string | null = null;
  readonly #near: Socket;
  readonly #port: number;
  readonly #isCut: (from: string, to: string) => boolean;
  readonly #onClosed: () => void;
  #far: Socket | null = null;
  #first: Buffer = Buffer.alloc(0);

  constructor(
    near: Socket,
    to: string,
    port: number,
    isCut: (from: string, to: string) => boolean,
    onClosed: () => void,
  ) {
    [this.#near, this.to, this.#port, this.#isCut, this.#onClosed] = [near, to, port, isCut, onClosed];
    near.on('data', (chunk: Buffer) => this.#heard(chunk));
    near.on('error', () => undefined);
    near.on('close', () => this.#over());
  }

  /** Whatever waited may go on now, or goes no further. */
  look(): void {
    if (this.from === null) return;
    const outCut = this.#isCut(this.from, this.to);
    const backCut = this.#isCut(this.to, this.from);
    if (this.#far === null) {
      if (!outCut && !backCut) this.#dial();
      return;
    }
    if (outCut) this.#near.pause();
    else this.#near.resume();
    if (backCut) this.#far.pause();
    else this.#far.resume();
    if (!outCut && !backCut && (this.#near.destroyed || this.#far.destroyed)) this.destroy();
  }

  destroy(): void {
    this.#near.destroy();
    this.#far?.destroy();
    this.#onClosed();
  }

  #heard(chunk: Buffer): void {
    if (this.#far !== null) {
      this.#far.write(chunk);
      return;
    }
    this.#first = Buffer.concat([this.#first, chunk]);
    this.from ??= dialler(this.#first);
    this.look();
  }

  #dial(): void {
    const far = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    this.#far = far;
    far.write(this.#first);
    far.on('data', (chunk: Buffer) => void this.#near.write(chunk));
    far.on('error', () => undefined);
    far.on('close', () => this.#over());
  }

  /** One side has closed: the other hears of it once both ways are whole. */
  #over(): void {
    const { from, to } = this;
    if (from === null || (!this.#isCut(from, to) && !this.#isCut(to, from))) this.destroy();
  }
}

/**
 * Stands in front of the nodes' peer listeners, so that what they say to each other can be cut, each way by itself. Nothing is reset: a cut way is
 * silent, and what was said goes on when it is healed.
 */
export class PeerWires {
  readonly #servers = new Map<string, Server>();
  readonly #wires = new Set<Wire>();
  readonly #cuts = new Set<string>();

  /** Where the others reach a node, by its name. */
  readonly ports: Map<string, number> = new Map();

  static async open(nodes: readonly { readonly id: string; readonly peerPort: number }[]): Promise<PeerWires> {
    const wires = new PeerWires();
    for (const { id, peerPort } of nodes) await wires.#serve(id, peerPort);
    return wires;
  }

  /** What `from` says does not reach `to`. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
    this.#look();
  }

  healAll(): void {
    this.#cuts.clear();
    this.#look();
  }

  async close(): Promise<void> {
    for (const wire of [...this.#wires]) wire.destroy();
    for (const server of this.#servers.values()) await new Promise((resolve) => server.close(resolve));
  }

  async #serve(id: string, peerPort: number): Promise<void> {
    const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
      const wire = new Wire(
        socket,
        id,
        peerPort,
        (from, to) => this.#cuts.has(`${from}>${to}`),
        () => this.#wires.delete(wire),
      );
      this.#wires.add(wire);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    this.#servers.set(id, server);
    this.ports.set(id, (server.address() as AddressInfo).port);
  }

  #look(): void {
    for (const wire of [...this.#wires]) wire.look();
  }
}
