import t from 'tap';

import { adminServer, adminUrl, listenAdmin } from '../../src/admin/admin-server.ts';
import type { AdminSubject } from '../../src/admin/admin-server.ts';
import { statusPage } from '../../src/cli/status-page.ts';
import { FakeNode } from '../fake-node.ts';

const serverOf = (subject: AdminSubject | null): ReturnType<typeof adminServer> =>
  adminServer({ subject: () => subject, page: statusPage() });

t.test('healthz: the process is well, even while the node is still starting', async (t) => {
  const answer = await serverOf(null).inject('/healthz');
  t.equal(answer.statusCode, 200);
  t.strictSame(answer.json(), { status: 'well' });
});

t.test('readyz follows the node', async (t) => {
  const node = new FakeNode();
  const server = serverOf(node);
  const ready = await server.inject('/readyz');
  t.equal(ready.statusCode, 200);
  t.strictSame(ready.json(), { ready: true, role: 'master', reason: 'master' });
  node.ready = false;
  node.role = 'candidate';
  const waiting = await server.inject('/readyz');
  t.equal(waiting.statusCode, 503);
  t.strictSame(waiting.json(), {
    ...{ ready: false, role: 'candidate', reason: 'no master is known' },
    waiting: { clients: 3, forMs: 1200, closedInMs: 18_800 },
  });
  const starting = await serverOf(null).inject('/readyz');
  t.equal(starting.statusCode, 503);
  t.strictSame(starting.json(), { ready: false, role: null, reason: 'this node is still starting' });
});

t.test('status and queues are the node’s own, never cached', async (t) => {
  const node = new FakeNode();
  const server = serverOf(node);
  const status = await server.inject('/api/v1/status');
  t.equal(status.statusCode, 200);
  t.strictSame(status.json(), node.status());
  t.equal(status.headers['cache-control'], 'no-store');
  t.strictSame((await server.inject('/api/v1/queues')).json(), node.queues());
  t.equal((await serverOf(null).inject('/api/v1/status')).statusCode, 503);
  t.equal((await serverOf(null).inject('/api/v1/queues')).statusCode, 503);
});

t.test('explain: what the node answers, about what was asked', async (t) => {
  const node = new FakeNode();
  const server = serverOf(node);
  const answer = await server.inject(`/api/v1/explain?subject=${encodeURIComponent('/queue/a b&c')}`);
  t.equal(answer.statusCode, 200);
  t.same(node.asked, ['/queue/a b&c']);
  t.match(answer.json(), {
    ...{ subject: '/queue/a b&c', kind: 'queue', by: 'a', confirmed: true, summary: '2 messages' },
    reasons: [{ code: 'no-consumer', text: String, ready: 2 }],
  });
  for (const query of ['', '?subject=', '?subject=x&subject=y']) {
    const bad = await server.inject(`/api/v1/explain${query}`);
    t.equal(bad.statusCode, 400, query);
    t.match(bad.json(), { reason: /^subject: must be \/queue\/NAME, / });
  }
  t.equal((await serverOf(null).inject('/api/v1/explain?subject=x')).statusCode, 503);
});

t.test('the page and its files come from here, under a policy that lets nothing else in', async (t) => {
  const server = serverOf(new FakeNode());
  for (const [path, type] of [
    ['/', 'text/html'],
    ['/status.css', 'text/css'],
    ['/status.js', 'text/javascript'],
  ] as const) {
    const answer = await server.inject(path);
    t.equal(answer.statusCode, 200, path);
    t.match(answer.headers['content-type'], type);
    t.match(answer.headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self';/);
  }
  const page = (await server.inject('/')).body;
  t.notMatch(page, /<style|<script>|\son\w+=|\sstyle=/, 'nothing that the policy would refuse');
  for (const [, reference] of page.matchAll(/(?:href|src)="(\/[^"]*)"/g)) {
    t.equal((await server.inject(reference as string)).statusCode, 200, `${reference} is there`);
  }
});

t.test('what is not there says what is; nothing can be changed', async (t) => {
  const server = serverOf(new FakeNode());
  const missing = await server.inject('/api/v1/nothing');
  t.equal(missing.statusCode, 404);
  t.match(missing.json(), { error: /^there is nothing at \/api\/v1\/nothing; there is something at \/, / });
  t.equal((await server.inject({ method: 'DELETE', url: '/api/v1/queues' })).statusCode, 404);
});

t.test('port 0 takes a free one and says which', async (t) => {
  const server = serverOf(new FakeNode());
  const bound = await listenAdmin(server, { host: '127.0.0.1', port: 0 });
  t.ok(bound.port > 0);
  const answer = await fetch(`${adminUrl(bound)}/healthz`);
  t.equal(answer.status, 200);
  await server.close();
});
