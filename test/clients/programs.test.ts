import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import t from 'tap';
import type { Test } from 'tap';

import { ProcessCluster } from '../harness/process-cluster.ts';

const directory = new URL('../../clients/programs/', import.meta.url);

const programs = [
  { client: 'stomp.py', command: '/usr/bin/python3', file: 'stomp_py.py', steps: 26 },
  { client: 'the Ruby client', command: '/usr/bin/ruby', file: 'ruby_stomp.rb', steps: 26 },
  { client: 'Net::Stomp', command: '/usr/bin/perl', file: 'net_stomp.pl', steps: 10 },
];

/** Runs a client's program; resolves with what it printed, each line a step. */
async function run(
  command: string,
  file: string,
  ...args: string[]
): Promise<{ lines: string[]; code: number | null }> {
  const child = spawn(command, [fileURLToPath(new URL(file, directory)), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { lines: output.trim().split('\n'), code };
}

async function everyNode(t: Test, cluster: ProcessCluster, program: (typeof programs)[number]): Promise<void> {
  for (const node of cluster.nodes) {
    const { lines, code } = await run(program.command, program.file, String(node.stompPort), `programs-${node.id}`);
    if (!t.equal(code, 0, `${program.client} at node ${node.id}`)) t.comment(lines.join('\n'));
    t.equal(lines.filter((line) => line.startsWith('ok ')).length, program.steps, 'every step held');
  }
}

t.test('clients of other languages at every node of a cluster', async (t) => {
  const cluster = await ProcessCluster.start();
  t.teardown(async () => cluster.stop());
  await cluster.settled();
  for (const program of programs) await t.test(program.client, async (t) => everyNode(t, cluster, program));
});
