/** Runs one node's process as `lockstep cluster` does, pauses it when told to, and waits to be killed. Arguments: log file, `pause` or `run`. */
import { fileURLToPath } from 'node:url';

import { NodeProcess } from '../../src/cluster/node-process.ts';

const [logFile = '', what = 'run'] = process.argv.slice(2);
const node = new NodeProcess({
  command: [process.execPath, fileURLToPath(new URL('waiting-program.js', import.meta.url))],
  args: [],
  logFile,
  onLine(line) {
    if (what === 'pause') node.pause();
    process.stdout.write(`${line}\n`);
  },
  onExit() {},
});
