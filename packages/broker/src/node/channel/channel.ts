import type { Connection } from '@lockstep/kernel';
import { FrameReader } from '@lockstep/raft-log';

import { FrameFields } from './frame-fields.ts';
import { FrameWriter } from './frame-writer.ts';

export interface ChannelLimits {
  /** Of one message that is taken in. */
  readonly frameBytesMax: number;
  /** Written and not taken by the operating system: beyond it the channel is given up. */
  readonly unsentBytesMax: number;
}

export interface ChannelEvents<Incoming> {
  /** In order. False: it is against what was agreed, and the channel is closed. */
  message(message: Incoming): boolean;
  /** Last call, once, unless it was `close` that ended it. The reason is for the log; null: the other side is gone. */
  closed(reason: string | null): void;
}

export interface ChannelCodec<Outgoing, Incoming> {
  write(out: FrameWriter, message: Outgoing): void;
  /** Null: that is no message. */
  read(fields: FrameFields): Incoming | null;
}

/**
 * Messages both ways between a node and the master, over a connection between the two, which it takes over and starts. What is sent through one turn
 * goes out with `flush`, in one write. Nothing that the other side does throws.
 */
export class Channel<Outgoing, Incoming> {
  readonly #connection: Connection;
  readonly #codec: ChannelCodec<Outgoing, Incoming>;
  readonly #limits: ChannelLimits;
  readonly #events: ChannelEvents<Incoming>;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  #over = false;

  constructor(
    connection: Connection,
    codec: ChannelCodec<Outgoing, Incoming>,
    limits: ChannelLimits,
    events: ChannelEvents<Incoming>,
    writer: FrameWriter = new FrameWriter(),
  ) {
    this.#connection = connection;
    this.#codec = codec;
    this.#limits = limits;
    this.#events = events;
    this.#reader = new FrameReader(limits.frameBytesMax);
    this.#writer = writer;
    connection.start({
      data: (chunk) => this.#data(chunk),
      drain() {},
      end: () => this.#end(null),
      close: () => this.#end(null),
    });
  }

  /** Goes out with the next `flush`. Nothing once it is closed. */
  send(message: Outgoing): void {
    if (!this.#over) this.#codec.write(this.#writer, message);
  }

  flush(): void {
    if (this.#over || this.#writer.bytes === 0) return;
    const connection = this.#connection;
    connection.cork();
    for (const chunk of this.#writer.take()) connection.write(chunk);
    connection.uncork();
    const unsent = connection.bufferedBytes;
    if (unsent > this.#limits.unsentBytesMax) this.#end(`it takes nothing: ${unsent} bytes wait for it`);
  }

  /** `events` are told nothing more. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.destroy();
  }

  #end(reason: string | null): void {
    if (this.#over) return;
    this.close();
    this.#events.closed(reason);
  }

  #data(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#reader.push(chunk);
    for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) {
      if (frame === 'too-large') return this.#end('it announced a message larger than any may be');
      const message = this.#codec.read(new FrameFields(frame));
      if (message === null) return this.#end('it sent what is no message');
      if (!this.#events.message(message)) return this.#end('it sent what does not fit what came before');
      if (this.#over) return;
    }
  }
}
