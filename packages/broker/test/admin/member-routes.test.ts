import t from 'tap';

import { adminServer } from '../../src/admin/admin-server.ts';
import { FakeNode } from '../fake-node.ts';

const serverOf = (subject: FakeNode | null): ReturnType<typeof adminServer> =>
  adminServer({ subject: () => subject, page: new Map() });

t.test('the members, and whose view it is', async (t) => {
  const node = new FakeNode();
  const answer = await serverOf(node).inject('/api/v1/members');
  t.equal(answer.statusCode, 200);
  t.match(answer.json(), { by: 'a', confirmed: true, members: [{ id: 'a', role: 'master', part: 'voter' }] });
  t.equal((await serverOf(null).inject('/api/v1/members')).statusCode, 503);
});

t.test('changes are passed on as they are meant', async (t) => {
  const node = new FakeNode();
  const server = serverOf(node);
  const add = { id: 'd', address: '127.0.0.1:61649', witness: true };
  t.equal((await server.inject({ method: 'POST', url: '/api/v1/members', payload: add })).statusCode, 200);
  t.equal((await server.inject({ method: 'DELETE', url: '/api/v1/members/d' })).statusCode, 200);
  const promote = { method: 'POST', url: '/api/v1/members/d/promote', payload: {} } as const;
  t.strictSame((await server.inject(promote)).json(), { done: true });
  t.equal((await server.inject({ method: 'POST', url: '/api/v1/transfer', payload: {} })).statusCode, 200);
  t.equal((await server.inject({ method: 'POST', url: '/api/v1/transfer', payload: { to: 'b' } })).statusCode, 200);
  t.strictSame(
    node.asked.map((text) => JSON.parse(text) as unknown),
    [
      { type: 'add', id: 'd', address: { host: '127.0.0.1', port: 61_649 }, witness: true },
      { type: 'remove', id: 'd' },
      { type: 'promote', id: 'd' },
      { transfer: null },
      { transfer: 'b' },
    ],
  );
});

t.test('what came of it is in the code, and in words', async (t) => {
  const cases = [
    ['refused', 400],
    ['busy', 409],
    ['no-leader', 503],
    ['unknown', 504],
  ] as const;
  for (const [why, code] of cases) {
    const node = new FakeNode();
    node.outcome = { done: false, why, reason: `because of ${why}` };
    const answer = await serverOf(node).inject({ method: 'DELETE', url: '/api/v1/members/x' });
    t.equal(answer.statusCode, code);
    t.match(answer.json(), { reason: `because of ${why}` });
  }
});

t.test('what is not meant for it changes nothing', async (t) => {
  const node = new FakeNode();
  const server = serverOf(node);
  const post = (payload: string | object, headers: Record<string, string> = {}, url = '/api/v1/members') =>
    server.inject({ method: 'POST', url, payload, headers });
  for (const payload of [
    { address: '127.0.0.1:1' },
    { id: 'a b', address: '127.0.0.1:1' },
    { id: 'd' },
    { id: 'd', address: '61649' },
    { id: 'd', address: 'h:0' },
    { id: 'd', address: 'h:1', witness: 'yes' },
    [],
  ]) {
    t.equal((await post(payload)).statusCode, 400, JSON.stringify(payload));
  }
  t.equal((await post({ to: 7 }, {}, '/api/v1/transfer')).statusCode, 400);
  // A page of another site, as a browser would send it, also when its name leads here.
  const good = JSON.stringify({ id: 'd', address: '127.0.0.1:1' });
  t.equal((await post(good, { 'content-type': 'text/plain' })).statusCode, 415);
  t.equal((await post('', {}, '/api/v1/transfer')).statusCode, 415);
  const json = { 'content-type': 'application/json' };
  const elsewhere = { ...json, origin: 'http://evil.example', host: '127.0.0.1:8161' };
  t.equal((await post(good, elsewhere)).statusCode, 403);
  t.equal((await post(good, { ...elsewhere, host: 'evil.example' })).statusCode, 403);
  const remove = { method: 'DELETE', url: '/api/v1/members/a', headers: { origin: 'http://evil.example' } } as const;
  t.equal((await server.inject(remove)).statusCode, 403);
  t.strictSame(node.asked, []);
  const own = { ...json, origin: 'http://127.0.0.1:8161', host: '127.0.0.1:8161' };
  t.equal((await post(good, own)).statusCode, 200);
  t.equal(node.asked.length, 1);
});
