import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import t from 'tap';

import { parentOf, runnersAbove } from '../../src/cluster/runner-parents.ts';

t.test('the package managers above, and nothing above those', (t) => {
  const npx = ['sh -c tsc -b && node lockstep.js cluster', 'pnpm run cluster', "sh -c 'pnpm' run cluster"];
  t.equal(runnersAbove([...npx, 'npm exec pnpm@12 run cluster', 'sh -c npx --yes pnpm@12 run cluster &', 'init']), 4);
  t.equal(runnersAbove([...npx, '/usr/lib/node_modules/npm/bin/npx-cli.js --yes pnpm@12 run cluster', '-bash']), 4);
  t.equal(runnersAbove(['sh -c x', '/usr/local/bin/pnpm cluster', '-bash', 'npm exec something']), 2);
  t.equal(
    runnersAbove(['bash -c nohup lockstep cluster &', '-bash', 'sshd']),
    0,
    'who starts it directly, may leave it',
  );
  t.equal(runnersAbove(['bash /srv/npm-notes.sh', 'pnpm run x']), 0);
  t.end();
});

t.test(
  'a runner is told when npx has gone, though the shell between them stays',
  { skip: !existsSync('/proc/self/stat') },
  async (t) => {
    t.equal(parentOf(process.pid), process.ppid);
    const watcher = fileURLToPath(new URL('watched-program.js', import.meta.url));
    const shell = `'${process.execPath}' '${watcher}'; :`;
    const directory = t.testdir({
      'npx-cli.js': `require('node:child_process').spawn('sh', ['-c', ${JSON.stringify(shell)}], { stdio: 'inherit' });`,
      'package.json': '{"type":"commonjs"}',
    });
    const npx = spawn(process.execPath, [join(directory, 'npx-cli.js')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const lines = createInterface({ input: npx.stdout })[Symbol.asyncIterator]();
    t.equal((await lines.next()).value, 'watching');
    const gone = once(npx, 'exit');
    npx.kill('SIGKILL');
    await gone;
    t.equal((await lines.next()).value, 'gone');
  },
);
