import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { RawClient } from '../../harness/raw-client.ts';
import { until } from '../../harness/until.ts';

/** How long "nothing comes" takes where a server works in many threads. */
export const foreignPatienceMs = 1_500;

/** Installs a Debian package unless `file`, which it brings, is there. Nothing is started by that. */
export function installDebian(name: string, file: string): void {
  if (existsSync(file)) return;
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const apt = (...args: readonly string[]): void => {
    const [command = '', ...rest] = [
      ...asRoot,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'RUNLEVEL=1',
      'apt-get',
      ...args,
    ];
    execFileSync(command, rest, { stdio: 'inherit' });
  };
  apt('update', '-q');
  apt('install', '-qy', '--no-upgrade', '--no-install-recommends', name);
}

/** A server in the foreground, its output in `output` of that directory. */
export async function spawnServer(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  directory: string,
): Promise<ChildProcess> {
  const output = await open(join(directory, 'output'), 'a');
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', output.fd, output.fd] });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  await output.close();
  return child;
}

/** Resolves when a CONNECT with these headers is answered by CONNECTED. */
export async function untilConnects(
  child: ChildProcess,
  port: number,
  headers: string,
  directory: string,
): Promise<void> {
  await until(
    'the server to take connections',
    async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${await readFile(join(directory, 'output'), 'utf8')}`);
      try {
        const client = await RawClient.open(port);
        client.say(`CONNECT\naccept-version:1.2\n${headers}\n\n\0`);
        const frame = await client.frameWhere('an answer', () => true);
        client.drop();
        return frame.command === 'CONNECTED';
      } catch {
        return false;
      }
    },
    120_000,
  );
}

/** SIGTERM, and SIGKILL after 20 s. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await gone;
  clearTimeout(timer);
}
