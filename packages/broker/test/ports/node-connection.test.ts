import type { Connection } from '@lockstep/kernel';
import t from 'tap';

import { NodeNetwork } from '../../src/ports/node-network.ts';

const bytes = 8 * 1024 * 1024;

function quiet(data: (chunk: Uint8Array) => void): Parameters<Connection['start']>[0] {
  return { data, drain() {}, end() {}, close() {} };
}

interface Pair {
  readonly sender: Connection;
  readonly receiver: Connection;
  readonly close: () => Promise<void>;
}

async function connected(): Promise<Pair> {
  const network = new NodeNetwork();
  let accept: (connection: Connection) => void = () => {};
  const accepted = new Promise<Connection>((resolve) => (accept = resolve));
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, (connection) => accept(connection));
  const sender = await network.connect(listener.address, 5000);
  return { sender, receiver: await accepted, close: () => listener.close() };
}

t.test('what has been taken may be changed, and goes out as it was', async (t) => {
  const { sender, receiver, close } = await connected();
  sender.start(quiet(() => {}));
  const memory = new Uint8Array(bytes).fill(1);
  let taken = false;
  // More than the system takes at once: so it is not taken before the other side reads.
  sender.write(memory, () => {
    taken = true;
    memory.fill(9);
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(taken);
  let received = 0;
  let wrong = 0;
  await new Promise<void>((resolve) => {
    receiver.start(
      quiet((chunk) => {
        received += chunk.length;
        wrong += chunk.reduce((count, byte) => (byte === 1 ? count : count + 1), 0);
        if (received === bytes) resolve();
      }),
    );
  });
  t.equal(wrong, 0);
  t.ok(taken);
  sender.destroy();
  receiver.destroy();
  await close();
});
