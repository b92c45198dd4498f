import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

import { takeClusterDirectory } from '../../src/cluster/cluster-directory.ts';
import { clusterLayout } from '../../src/cluster/cluster-layout.ts';

t.test('fresh removes what the nodes left, and nothing else', async (t) => {
  const directory = join(t.testdir({}), 'cluster');
  const first = await takeClusterDirectory(directory, clusterLayout(3), false);
  await first.release();
  for (const id of ['a', 'b', 'c', 'mine']) mkdirSync(join(directory, id));
  writeFileSync(join(directory, 'note.txt'), 'mine');
  const again = await takeClusterDirectory(directory, clusterLayout(3), false);
  await again.release();
  t.ok(existsSync(join(directory, 'a')), 'kept between runs');
  const fresh = await takeClusterDirectory(directory, clusterLayout(1), true);
  await fresh.release();
  for (const id of ['a', 'b', 'c']) t.notOk(existsSync(join(directory, id)), id);
  t.ok(existsSync(join(directory, 'mine')));
  t.ok(existsSync(join(directory, 'note.txt')));
});

t.test('fresh in a directory that no cluster ran in removes nothing', async (t) => {
  const directory = t.testdir({ a: { precious: 'x' } });
  const lock = await takeClusterDirectory(directory, clusterLayout(3), true);
  await lock.release();
  t.ok(existsSync(join(directory, 'a', 'precious')));
});

t.test('another number of nodes, or another cluster at the same time, is refused', async (t) => {
  const directory = t.testdir({});
  const lock = await takeClusterDirectory(directory, clusterLayout(3), false);
  await t.rejects(takeClusterDirectory(directory, clusterLayout(3), true), { name: 'DataLockedError' });
  await lock.release();
  await t.rejects(takeClusterDirectory(directory, clusterLayout(5), false), {
    message:
      /^--nodes: '5': .* holds the data of 3 nodes: use the same number, another --data, or --fresh to start anew$/,
  });
  const free = await takeClusterDirectory(directory, clusterLayout(3), false);
  await free.release();
});
