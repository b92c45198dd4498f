import { readFileSync } from 'node:fs';

import t from 'tap';

import { Authority } from '../harness/certificates.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { lockstep } from '../harness/program-runs.ts';
import { underLoad } from '../harness/under-load.ts';
import { until } from '../harness/until.ts';

function warnings(node: ProcessNode): readonly string[] {
  const lines = readFileSync(`${node.data}.log`, 'utf8').split('\n');
  return lines.filter((line) => line.includes('"level":40') || line.includes('"level":"warn"'));
}

t.test('members under mutual TLS serve as others do, and turn away who is not one of them, once', async (t) => {
  const ours = await Authority.create('ours');
  const theirs = await Authority.create('theirs');
  const flagsOf = async (id: string, directory: string): Promise<readonly string[]> => [
    '--config',
    await ours.configure(directory, id),
  ];
  await underLoad(
    t,
    async (cluster, progress) => {
      for (const node of cluster.nodes) t.same(warnings(node), []);
      const first = await cluster.settled();
      await cluster.kill(first);
      await progress(200);

      const master = await cluster.settled();
      const strangers: [readonly string[], RegExp][] = [
        [
          ['--config', await theirs.configure(cluster.directory, `${first.id}-theirs`, first.id)],
          /authority that this node does not know/,
        ],
        [['--config', '/dev/null'], /does not speak TLS|wrong version|speaks no TLS/i],
      ];
      for (const [flags, pattern] of strangers) {
        cluster.revive(first, flags);
        await until(`${master.id} to turn ${first.id} away: ${pattern}`, () =>
          pattern.test(warnings(master).join('\n')),
        );
        await until(`${first.id} to say why it finds nobody`, () => warnings(first).length > 0);
        await progress(300);
        t.ok(warnings(master).length <= 4, warnings(master).join('\n'));
        await cluster.kill(first);
      }
      const other = cluster.nodes.find((node) => node !== first && node !== master)!;
      const asOther = await lockstep(
        'start',
        ...['--data', first.data, '--node', first.id, '--broker', 'test', '--stomp', '127.0.0.1:0'],
        ...['--config', await ours.configure(cluster.directory, `${first.id}-other`, other.id)],
      );
      t.equal(asOther.code, 2);
      t.match(asOther.stderr, new RegExp(`is for CN:${other.id}, .*: must be for node ${first.id}`));

      cluster.revive(first);
      await cluster.settled();
      await progress(200);
    },
    { flagsOf },
  );
});
