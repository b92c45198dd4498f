import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { generate } from 'selfsigned';
import t from 'tap';

import { ProcessCluster } from '../harness/process-cluster.ts';
import { ProgramRun } from '../harness/program-runs.ts';
import { Chromium } from './chromium.ts';
import { PageServer } from './page-server.ts';

const libraries = ['stompjs', 'rx-stomp'];
const server = await PageServer.start();
const chromium = await Chromium.start();
t.teardown(async () => {
  server.stop();
  await chromium.stop();
});
const page = await chromium.open(`http://127.0.0.1:${server.port}/`);

t.test('stompjs and rx-stomp in a page, and the node that they are connected to is killed', async (t) => {
  const cluster = await ProcessCluster.start();
  t.teardown(async () => cluster.stop(!t.passing()));
  const master = await cluster.settled();
  const others = cluster.nodes.filter((node) => node !== master);
  const urls = [master, ...others].map(({ wsPort }) => `ws://127.0.0.1:${wsPort}/stomp`);
  for (const name of libraries) {
    t.same(
      await page.run('tour', name, urls, `/queue/page-${name}`),
      ['connected with STOMP 1.2', 'text', 'binary, refused and given again', 'transaction', '5 MB', 'heart-beats'],
      name,
    );
  }
  await cluster.kill(master);
  await cluster.master(master);
  for (const name of libraries) {
    t.same(await page.run('goOn', name, `/queue/page-${name}`), ['after'], `${name} goes on at another node`);
  }
});

async function certificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' });
  return { cert, key };
}

t.test('a node with users: WebSocket and WebSocket over TLS, the right login and a wrong one', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-pages-'));
  const passwd = new ProgramRun(['passwd', 'ann', '--password', 'secret']);
  const password = (await passwd.ended).stdout.trim();
  const { cert, key } = await certificate();
  await writeFile(join(directory, 'host.crt'), cert);
  await writeFile(join(directory, 'host.key'), key);
  const config = join(directory, 'lockstep.yaml');
  const lines = [
    'data: data',
    'tls: { cert: host.crt, key: host.key }',
    'listeners: [{ ws: 127.0.0.1:0 }, { wss: 127.0.0.1:0 }]',
    `users: [{ name: ann, password: "${password}" }]`,
  ];
  await writeFile(config, lines.join('\n'));
  const node = new ProgramRun(['start', '--config', config]);
  t.teardown(async () => {
    node.child.kill('SIGKILL');
    await node.ended;
    await rm(directory, { recursive: true, force: true });
  });
  const ready = JSON.parse(await node.line(/"msg":"ready"/)) as { readonly ws: string; readonly wss: string };
  for (const url of [`ws://${ready.ws}/`, `wss://${ready.wss}/`]) {
    t.equal(await page.run('login', url, 'ann', 'secret'), 'connected', url);
    t.equal(await page.run('login', url, 'ann', 'wrong'), 'CONNECT: no user ann with this passcode');
  }
});

t.test('pages of other origins do not get into a node that anybody may use', async (t) => {
  const cluster = await ProcessCluster.start({ nodes: 1 });
  t.teardown(async () => cluster.stop(!t.passing()));
  const url = `ws://127.0.0.1:${cluster.nodes[0]!.wsPort}/`;
  const stranger = await chromium.open(`http://evil.example:${server.port}/`);
  t.equal(await stranger.run('knock', url, []), 'closed 1006');
  t.equal(await page.run('knock', url, ['v11.stomp', 'v10.stomp']), 'open v11.stomp');
  t.equal(await page.run('knock', url, []), 'open ');
  t.equal(await page.run('knock', url, ['mqtt']), 'closed 1006');
});
