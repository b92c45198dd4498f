import t from 'tap';

import { underLoad } from '../harness/under-load.ts';

t.test('SIGKILL of the master, six times, each time revived', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    for (let round = 0; round < 6; round++) {
      const master = await cluster.settled();
      await cluster.kill(master);
      await progress(300);
      cluster.revive(master);
      await progress(300);
    }
  });
});

t.test(
  'a master stopped for longer than the election time-out hands out no receipt for what is not kept',
  async (t) => {
    await underLoad(t, async (cluster, progress) => {
      for (let round = 0; round < 3; round++) {
        const master = await cluster.settled();
        cluster.signal(master, 'SIGSTOP');
        await cluster.master(master);
        await progress(100);
        cluster.signal(master, 'SIGCONT');
        await progress(300);
      }
    });
  },
);

t.test('SIGKILL of all three at once, and a restart', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    for (let round = 0; round < 3; round++) {
      await cluster.settled();
      await Promise.all(cluster.nodes.map(async (node) => cluster.kill(node)));
      for (const node of cluster.nodes) cluster.revive(node);
      await progress(300);
    }
  });
});
