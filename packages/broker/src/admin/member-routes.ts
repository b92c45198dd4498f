import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { NodeId } from '@lockstep/kernel';
import type { MemberOutcome } from '@lockstep/raft-log';

import { parseAddress } from '../config/addresses.ts';
import { idAllowed, idPattern } from '../config/leaves.ts';
import type { MembersChange } from '../node/types.ts';
import type { AdminSubject } from './admin-server.ts';

const CODES = { refused: 400, busy: 409, 'no-leader': 503, unknown: 504 } as const;
const STARTING = { reason: 'this node is still starting' };

/** A page from elsewhere that a browser shows must change nothing: whoever changes something says JSON, and comes from here if from a page at all. */
async function refusePages(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const { origin, host } = request.headers;
  if (origin === undefined) return undefined;
  const name = URL.canParse(origin) ? new URL(origin) : null;
  const own = name?.host === host && /^(?:localhost|\[[\d:a-f]+\]|\d+(?:\.\d+){3})$/.test(name?.hostname ?? '');
  return own ? undefined : reply.code(403).send({ reason: 'not from a page of another site' });
}

interface Body {
  readonly id?: unknown;
  readonly address?: unknown;
  readonly witness?: unknown;
  readonly to?: unknown;
}

interface Named {
  readonly Params: { readonly id: string };
  readonly Body: Body | null;
}

/** The members, and what changes them; on any node, since the master is asked. */
export function addMemberRoutes(server: FastifyInstance, subject: () => AdminSubject | null): void {
  const answer = async (
    reply: FastifyReply,
    work: (node: AdminSubject) => Promise<MemberOutcome>,
  ): Promise<FastifyReply> => {
    const node = subject();
    if (node === null) return reply.code(503).send(STARTING);
    const outcome = await work(node);
    return outcome.done ? reply.send({ done: true }) : reply.code(CODES[outcome.why]).send(outcome);
  };
  const change = (reply: FastifyReply, what: MembersChange): Promise<FastifyReply> =>
    answer(reply, (node) => node.changeMembers(what));

  server.get('/api/v1/members', async (_request, reply) => {
    const node = subject();
    return node === null ? reply.code(503).send(STARTING) : reply.send(await node.members());
  });

  server.post<{ readonly Body: Body | null }>(
    '/api/v1/members',
    { preHandler: [refusePages, wantJson] },
    (request, reply) => {
      const { id, address, witness = false } = request.body ?? {};
      const at = parseAddress(address);
      if (typeof id !== 'string' || !idPattern.test(id)) return bad(reply, `id: must be ${idAllowed}`);
      if (at === undefined || at.port === 0 || !String(address).includes(':')) {
        return bad(reply, 'address: must be HOST:PORT, as 127.0.0.1:61619');
      }
      if (typeof witness !== 'boolean') return bad(reply, 'witness: must be true or false');
      return change(reply, { type: 'add', id: id as NodeId, address: at, witness });
    },
  );

  server.delete<Named>('/api/v1/members/:id', { preHandler: refusePages }, (request, reply) =>
    change(reply, { type: 'remove', id: request.params.id as NodeId }),
  );

  server.post<Named>('/api/v1/members/:id/promote', { preHandler: [refusePages, wantJson] }, (request, reply) =>
    change(reply, { type: 'promote', id: request.params.id as NodeId }),
  );

  server.post<{ readonly Body: Body | null }>(
    '/api/v1/transfer',
    { preHandler: [refusePages, wantJson] },
    (request, reply) => {
      const { to = null } = request.body ?? {};
      if (to !== null && typeof to !== 'string') return bad(reply, 'to: must be the id of a node');
      return answer(reply, (node) => node.transfer(to as NodeId | null));
    },
  );
}

/** A browser sends JSON elsewhere only after asking, and nobody answers that. */
async function wantJson(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const isJson = request.headers['content-type']?.startsWith('application/json') === true;
  return isJson ? undefined : reply.code(415).send({ reason: 'content-type: must be application/json' });
}

async function bad(reply: FastifyReply, reason: string): Promise<FastifyReply> {
  return reply.code(400).send({ done: false, why: 'refused', reason });
}
