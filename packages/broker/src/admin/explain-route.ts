import type { FastifyInstance } from 'fastify';

import { subjectForms } from '../node/explain/subject.ts';
import type { AdminSubject } from './admin-server.ts';

interface Asked {
  readonly Querystring: { readonly subject?: unknown };
}

/** Why messages do not move: on any node, since the master is asked. */
export function addExplainRoute(server: FastifyInstance, subject: () => AdminSubject | null): void {
  server.get<Asked>('/api/v1/explain', async (request, reply) => {
    const node = subject();
    if (node === null) return reply.code(503).send({ reason: 'this node is still starting' });
    const { subject: about } = request.query;
    const answer = typeof about === 'string' ? await node.explain(about) : null;
    return answer === null ? reply.code(400).send({ reason: `subject: ${subjectForms}` }) : reply.send(answer);
  });
}
