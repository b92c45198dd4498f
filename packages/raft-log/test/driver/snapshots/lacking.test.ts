import t from 'tap';

import { TransferBench } from './bench.ts';

t.test(
  'a live record that nobody in reach had when the snapshot came is looked for until somebody has it',
  async (t) => {
    const bench = await TransferBench.founded('lacking 1');
    const { cluster } = bench;
    await bench.fill(100);
    await bench.fill(200, 'keep late');
    const [victim = '', other = ''] = bench.followers;
    const { device } = cluster.world.host(bench.leader);
    let rotten = 0;
    for (const { path } of device.files.filter((file) => file.path.startsWith('records/'))) {
      const at = Buffer.from(device.contentOf(path)).indexOf('keep 4 ');
      if (at === -1) continue;
      device.rot(path, at + 2);
      rotten += 1;
    }
    t.ok(rotten > 0);
    bench.wipe(victim);
    cluster.world.wires.cut(victim, other);
    cluster.world.wires.cut(bench.leader, other);
    cluster.start(victim);
    t.ok(
      await cluster.until(() => bench.said(victim, /the snapshot from node \S+ is in place/).length > 0),
      cluster.story(),
    );
    t.match(bench.said(victim, /ERROR/)[0], /1 live records are damaged on all members that can be reached/);
    cluster.world.wires.healAll();
    await bench.caughtUp(victim);
    await cluster.pass(30_000);
    t.same(await bench.readBack(victim), bench.truth());
  },
);
