/** Connections that keep the bounds of what is sent, as WebSocket's do. */
import t from 'tap';
import { delivery } from '../session/support.ts';
import { ConnectionBench } from './support.ts';
import type { Address, Connection, ConnectionHandlers } from '@lockstep/kernel';

/** Keeps each message that is sent, and passes its bytes on. */
class Messages implements Connection {
  readonly sent: string[] = [];
  readonly #inner: Connection;

  constructor(inner: Connection) {
    this.#inner = inner;
  }

  get remote(): Address {
    return this.#inner.remote;
  }

  get local(): Address {
    return this.#inner.local;
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  start(handlers: ConnectionHandlers): void {
    this.#inner.start(handlers);
  }

  write(): boolean {
    throw new Error('such a connection takes messages');
  }

  writeMessage(chunks: readonly Uint8Array[]): boolean {
    const bytes = Buffer.concat(chunks);
    this.sent.push(bytes.toString());
    return this.#inner.write(bytes);
  }

  cork(): void {
    this.#inner.cork();
  }

  uncork(): void {
    this.#inner.uncork();
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}

t.test('each frame is a message of its own, which ends with NUL; so is a heart-beat', async (t) => {
  let sent: string[] = [];
  const wrap = (connection: Connection): Connection => {
    const messages = new Messages(connection);
    ({ sent } = messages);
    return messages;
  };
  const bench = await ConnectionBench.start({ wrap });
  const client = await bench.connected('heart-beat:0,1000\n');
  client.send('SUBSCRIBE\nid:1\ndestination:/queue/a\nreceipt:1\n\n\0SEND\ndestination:/queue/b\nreceipt:2\n\nx\0');
  await bench.until(() => sent.length === 3);
  t.match(sent[0], /^CONNECTED\n[^\0]*\n\n\0$/);
  t.same(sent.slice(1), ['RECEIPT\nreceipt-id:1\n\n\0', 'RECEIPT\nreceipt-id:2\n\n\0']);
  const body = 'y'.repeat(100_000);
  bench.broker.give(
    delivery(bench.broker.session, { position: 7, body }),
    delivery(bench.broker.session, { position: 8 }),
  );
  await bench.until(() => sent.length === 5);
  t.match(sent[3], /^MESSAGE\n[^\0]*\n\ny{100000}\0$/);
  t.match(sent[4], /^MESSAGE\n[^\0]*\n\nhello\0$/);
  await bench.until(() => sent.length === 6);
  t.equal(sent[5], '\n');
});
