import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import t from 'tap';

import { underLoad } from '../harness/under-load.ts';

t.test(
  'a master whose disk takes no more ends and says what to do; a slave goes on, and nothing is lost',
  async (t) => {
    await underLoad(t, async (cluster, progress) => {
      const master = await cluster.settled();
      const child = master.process!;
      const ended = new Promise((resolve) => child.once('close', resolve));
      // From now on none of its files may grow: the next write fails, as on a full disk.
      execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=1']);
      await ended;
      t.same({ code: child.exitCode, signal: child.signalCode }, { code: 1, signal: null });
      t.match(
        readFileSync(`${master.data}.log`, 'utf8'),
        /"level":"fatal".*"advice":"make room for the data directory.*"msg":"this node ends: write journal\/\S+: EFBIG/,
      );
      const next = await cluster.master(master);
      t.not(next.id, master.id);
      await progress(300);
      cluster.revive(master);
      await progress(300);
      await cluster.settled();
    });
  },
);
