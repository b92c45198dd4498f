import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { silentLog } from '@lockstep/kernel';
import type { Request } from '@lockstep/core';
import type { Address, SessionId } from '@lockstep/kernel';
import { defaultFlowOptions, defaultStompLimits, InputBudget, StompConnection } from '@lockstep/stomp-server';
import type { BrokerPort } from '@lockstep/stomp-server';
import t from 'tap';
import type { Test } from 'tap';

import { NodeClock } from '../../src/ports/node-clock.ts';
import { NodeNetwork } from '../../src/ports/node-network.ts';

/** A broker that is asked for nothing but the end of sessions. */
class EndedSessions implements BrokerPort {
  readonly accepting = true;
  readonly heldUpBy = '';
  readonly requests: Request[] = [];
  attach(): void {}
  submit(request: Request): void {
    this.requests.push(request);
  }
  taken(): void {}
  callWhenAccepting(): void {}
}

async function listen(t: Test, broker: BrokerPort): Promise<Address> {
  const listener = await new NodeNetwork().listen({ host: '127.0.0.1', port: 0 }, (connection) => {
    new StompConnection(connection, broker, {
      session: 'a-1-1' as SessionId,
      self: { server: 'lockstep/test', failover: () => '' },
      limits: defaultStompLimits,
      budget: new InputBudget(Infinity),
      // However slow the machine is.
      flow: { ...defaultFlowOptions, lingerMs: 600_000, lingerMsMax: 600_000 },
      clock: new NodeClock(),
      log: silentLog,
      onClosed: () => {},
    });
  });
  t.teardown(async () => listener.close());
  return listener.address;
}

async function open(t: Test, { host, port }: Address): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** All that comes until the other side ends; an error (a reset) ends it with that error's code. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.once('end', () => resolve(text));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(`${text} and then ${error.code}`));
    socket.resume();
  });
}

t.test('a client that goes on sending, and reads only then, gets the ERROR before any reset', async (t) => {
  const broker = new EndedSessions();
  const socket = await open(t, await listen(t, broker));
  socket.pause();
  const more = Buffer.alloc(256 * 1024, 'SEND\ndestination:/queue/a\n\nx\0');
  socket.write('CONNECT\naccept-version:1.2\nhost:h\n\n\0SEND\nno colon\nreceipt:r\n\n\0');
  // Far more than the two systems' buffers hold: it goes out only because the broker still reads.
  for (let sent = 0; sent < 32 * 1024 * 1024; sent += more.length) {
    await new Promise<void>((resolve, reject) => socket.write(more, (error) => (error ? reject(error) : resolve())));
  }
  const text = await readAll(socket);
  t.match(text, /^CONNECTED\n/);
  t.match(text, /\0\nERROR\nmessage:SEND\\c header line without a colon\\c no colon\n[^\0]*\0\n$/, 'whole, and last');
  t.same(
    broker.requests.map(({ type }) => type),
    ['endSession'],
    'nothing behind the faulty frame was taken',
  );
});

t.test('the receipt of DISCONNECT arrives, whatever is sent behind it', async (t) => {
  const socket = await open(t, await listen(t, new EndedSessions()));
  socket.write('CONNECT\naccept-version:1.2\nhost:h\n\n\0DISCONNECT\nreceipt:bye\n\n\0');
  socket.write(Buffer.alloc(1024 * 1024, '\n'));
  t.match(await readAll(socket), /\0\nRECEIPT\nreceipt-id:bye\n\n\0\n$/);
});
