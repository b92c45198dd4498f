import { silentLog } from '@lockstep/kernel';
import t from 'tap';

import type { Applier } from '../../src/driver/applier.ts';
import { SnapshotInstaller } from '../../src/driver/snapshot-installer.ts';
import type { SnapshotReceiver, Storage } from '../../src/driver/storage-types.ts';
import { configurationOf } from '../../src/node/index.ts';

t.test('a witness takes no batch, and so no other shape, before a shape is in place', async (t) => {
  const told: string[] = [];
  let done = (): void => {};
  const installer = new SnapshotInstaller({
    log: silentLog,
    storage: {
      makeShape: async (index: number) => ({ index }) as SnapshotReceiver,
      installSnapshot: () => new Promise<void>((resolve) => (done = resolve)),
    } as unknown as Storage,
    applier: {
      hold: () => void told.push('held'),
      resumeAt: (index: number) => void told.push(`resumes at ${index}`),
    } as unknown as Applier,
    isWitness: true,
    input: () => {},
    stopped: () => false,
    installed: (index) => void told.push(`installed ${index}`),
    concluded: () => {},
    failed: (error) => {
      throw error;
    },
  });
  const configuration = { index: 0, configuration: configurationOf([]) };
  const installed = installer.install({ index: 7, term: 1, configuration, shape: true }, null);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  t.ok(installer.shaping, 'the disk is at it');
  t.same(told, ['held']);
  done();
  t.equal(await installed, true);
  t.notOk(installer.shaping);
  t.same(told, ['held', 'resumes at 7', 'installed 7']);
});
