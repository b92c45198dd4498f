import { createServer } from 'node:net';

/** That many TCP ports on loopback that nobody listens on just now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a listening TCP server has a port');
    return address.port;
  });
  await Promise.all(servers.map(async (server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A `--base-port` with which `lockstep cluster` finds all ports of its nodes free. */
export async function freeBasePort(nodes: number): Promise<number> {
  for (;;) {
    const [base] = (await freePorts(1)) as [number];
    if (base > 65_000) continue;
    const wanted = Array.from({ length: nodes }, (_, i) => [0, 1, 6, 7].map((more) => base + 10 * i + more)).flat();
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return base;
  }
}
