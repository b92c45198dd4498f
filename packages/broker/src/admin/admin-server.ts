import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';

import { formatAddress } from '@lockstep/kernel';
import type { Address } from '@lockstep/kernel';

import type { RunningNode } from '../node/types.ts';
import { addExplainRoute } from './explain-route.ts';
import { addMemberRoutes } from './member-routes.ts';

/** What the admin port answers from. */
export type AdminSubject = Pick<
  RunningNode,
  'status' | 'queues' | 'explain' | 'readiness' | 'members' | 'changeMembers' | 'transfer'
>;

/** A file of the status page. */
export interface PageFile {
  readonly type: string;
  readonly content: Uint8Array;
}

export interface AdminOptions {
  /** Null until the node has started: the process is well, and nothing else can be said. */
  readonly subject: () => AdminSubject | null;
  /** By path, as `/page.css`; `/` is the page itself. */
  readonly page: ReadonlyMap<string, PageFile>;
}

/** Everything comes from here and goes nowhere else; nobody may frame it. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

const STARTING = { ready: false, reason: 'this node is still starting' };

/** The admin API and the status page, not listening yet. */
export function adminServer({ subject, page }: AdminOptions): FastifyInstance {
  const server = fastify({ logger: false, bodyLimit: 64 * 1024, requestTimeout: 10_000, forceCloseConnections: true });

  server.addHook('onSend', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });

  server.get('/healthz', () => ({ status: 'well' }));

  server.get('/readyz', (_request, reply) => {
    const node = subject();
    const { ready, ...rest } = node?.readiness() ?? STARTING;
    reply.code(ready ? 200 : 503);
    return { ready, role: node?.status().role ?? null, ...rest };
  });

  server.get('/api/v1/status', (_request, reply) => subject()?.status() ?? reply.code(503).send(STARTING));

  server.get('/api/v1/queues', (_request, reply) => subject()?.queues() ?? reply.code(503).send(STARTING));

  addExplainRoute(server, subject);
  addMemberRoutes(server, subject);

  for (const [path, { type, content }] of page) {
    server.get(path, (_request, reply) => reply.type(type).send(content));
  }

  server.setNotFoundHandler((request, reply) => {
    const known = '/, /healthz, /readyz, /api/v1/status, /api/v1/members, /api/v1/queues, /api/v1/explain?subject=';
    void reply
      .code(404)
      .send({ error: `there is nothing at ${request.url.slice(0, 200)}; there is something at ${known}` });
  });
  return server;
}

/** Opens the port; answers where it is bound. Rejects with the system's error (`EADDRINUSE`, …). */
export async function listenAdmin(server: FastifyInstance, address: Address): Promise<Address> {
  await server.listen({ host: address.host, port: address.port });
  const bound = server.addresses()[0];
  return { host: address.host, port: typeof bound === 'object' ? bound.port : address.port };
}

/** Where a browser finds it. */
export function adminUrl({ host, port }: Address): string {
  return `http://${formatAddress({ host: host === '0.0.0.0' || host === '::' ? 'localhost' : host, port })}`;
}
