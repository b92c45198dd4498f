import { ConnectionBench } from '../connection/support.ts';
import { delivery, readFrames } from '../session/support.ts';
import type { Request } from '@lockstep/core';
import type { StompVersion } from '../../src/codec/index.ts';
import type { RawClient, ServerSettings } from '../connection/support.ts';
import type { DeliverySettings } from '../session/support.ts';

export const versions: readonly StompVersion[] = ['1.0', '1.1', '1.2'];

/** A client on the wire: what it says goes out octet for octet, over a simulated network to a real connection and session. */
export class Wire {
  readonly bench: ConnectionBench;
  readonly client: RawClient;
  readonly version: StompVersion;
  #connectedBytes = 0;

  private constructor(bench: ConnectionBench, client: RawClient, version: StompVersion) {
    this.bench = bench;
    this.client = client;
    this.version = version;
  }

  /** A client that has its CONNECTED. */
  static async connected(version: StompVersion = '1.2', settings: ServerSettings = {}, headers = ''): Promise<Wire> {
    return Wire.beside(await ConnectionBench.start(settings), version, headers);
  }

  /** One more client of that broker. */
  static async beside(bench: ConnectionBench, version: StompVersion = '1.2', headers = ''): Promise<Wire> {
    const wire = new Wire(bench, await bench.connect(), version);
    wire.client.send(`CONNECT\naccept-version:${version}\nhost:h\n${headers}\n\0`);
    await bench.until(() => wire.client.received.includes('\0\n'));
    wire.#connectedBytes = wire.client.received.length;
    return wire;
  }

  /** Sends, and lets come what comes of it. */
  async say(bytes: string | Uint8Array): Promise<this> {
    this.client.send(bytes);
    await this.bench.pass(20);
    return this;
  }

  /** The broker delivers a message. */
  async deliver(settings: DeliverySettings = {}): Promise<this> {
    this.bench.broker.give(delivery(this.bench.broker.session, settings));
    await this.bench.pass(20);
    return this;
  }

  /** What came behind CONNECTED, a character an octet. */
  get raw(): string {
    return this.client.received.subarray(this.#connectedBytes).toString('latin1');
  }

  /** The frames behind CONNECTED. */
  get frames(): string[] {
    return readFrames(this.client.received.subarray(this.#connectedBytes), this.version);
  }

  /** The value that the last frame gives the header. */
  header(name: string): string | undefined {
    const head = this.frames.at(-1)?.split('\n\n')[0] ?? '';
    const line = head.split('\n').find((one) => one.startsWith(`${name}:`));
    return line?.slice(name.length + 1);
  }

  /** `ERROR` frames' messages. */
  get errors(): string[] {
    return this.frames
      .filter((frame) => frame.startsWith('ERROR\n'))
      .map((frame) => /^message:(.*)$/m.exec(frame)![1]!);
  }

  /** What the broker has been asked for, in short. */
  get asked(): string[] {
    return this.bench.broker.asked;
  }

  get requests(): readonly Request[] {
    return this.bench.broker.requests;
  }
}

/** The id that a frame of that version must name the message 1 of subscription `s` by. */
export function naming(version: StompVersion): string {
  if (version === '1.2') return 'id:1\n';
  return version === '1.1' ? 'message-id:1\nsubscription:s\n' : 'message-id:1\n';
}
