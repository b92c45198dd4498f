import { once } from 'node:events';
import { createServer } from 'node:net';

import type { NodeLayout } from './cluster-layout.ts';

async function isFree(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  const server = createServer();
  try {
    server.listen({ host, port: Number(port) });
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** The first port that another program has, in words for people; null when all are free. */
export async function takenPort(layout: readonly NodeLayout[]): Promise<string | null> {
  for (const { id, stomp, ws, peers, admin } of layout) {
    const uses = [
      { address: stomp, what: 'STOMP', flag: '--stomp' },
      { address: ws, what: 'WebSocket', flag: '--ws' },
      { address: peers, what: 'peer', flag: '--peer-listen' },
      { address: admin, what: 'admin', flag: '--admin' },
    ];
    for (const { address, what, flag } of uses) {
      if (!(await isFree(address))) {
        const port = address.split(':')[1];
        return `port ${port}, the ${what} port of node ${id} (${flag} ${address}), is in use by another program; --base-port chooses others`;
      }
    }
  }
  return null;
}
