import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import t from 'tap';

import { NodeProcess } from '../../src/cluster/node-process.ts';

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

for (const what of ['run', 'pause'] as const) {
  t.test(`a node ends with its runner, though that was killed with SIGKILL (${what})`, async (t) => {
    const environment = { ...process.env };
    delete environment['NODE_OPTIONS'];
    const directory = t.testdir({});
    const runner = spawn(process.execPath, [pathOf('runner-program.js'), join(directory, 'log'), what], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: environment,
    });
    const [line] = (await once(createInterface({ input: runner.stdout }), 'line')) as [string];
    // Its connections are closed when the process has ended: that is how one learns of a stranger's end.
    const socket = createConnection({ host: '127.0.0.1', port: Number(line) });
    socket.on('error', () => {}).resume();
    await once(socket, 'connect');
    // `once` would take a reset for a failure.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    runner.kill('SIGKILL');
    await closed;
    t.pass('it has ended');
  });
}

t.test('killed, stopped, and what it said', async (t) => {
  const logFile = join(t.testdir({}), 'log');
  const start = async (): Promise<{ node: NodeProcess; ends: Promise<string> }> => {
    let ended: (how: string) => void = () => {};
    const ends = new Promise<string>((resolve) => (ended = resolve));
    const node = await new Promise<NodeProcess>((resolve) => {
      const made: NodeProcess = new NodeProcess({
        command: [process.execPath, pathOf('waiting-program.js')],
        args: [],
        logFile,
        onLine: () => resolve(made),
        onExit: ended,
      });
    });
    return { node, ends };
  };
  const first = await start();
  await first.node.kill();
  t.equal(await first.ends, 'was ended by SIGKILL');
  const second = await start();
  second.node.pause();
  await second.node.stop(60_000);
  t.equal(await second.ends, 'was ended by SIGTERM', 'a paused node is woken to stop');
  t.match(readFileSync(logFile, 'utf8'), /^\d+\n\d+\n$/, 'both in one log');
});
