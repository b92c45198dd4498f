import { decodeText } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { LiveSet } from '../../../src/driver/live-set.ts';
import { WitnessRecords } from '../../../src/driver/records/witness-records.ts';
import { Cluster } from '../cluster.ts';
import { entry, newDisk, open, written } from '../storage/harness.ts';
import { indexesOf, upTo } from './fakes.ts';

const options = { segmentBytes: 1000, retainBytes: 0 };

t.test('a witness gives what is left of its log, and calls nothing dead', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, options);
  for (const index of upTo(60)) await written(storage, { entries: [entry(index, 1)] });
  const records = new WitnessRecords(storage, { appliedIndex: 60, live: new LiveSet() });
  const { bytes, next, lacking } = await records.readLive(1, 61, 1e6);
  t.same([indexesOf(bytes), next, lacking], [upTo(60), 61, []]);
  const part = await records.readLive(20, 61, 200);
  t.ok(part.next > 20 && part.next < 61);
  t.same(indexesOf(part.bytes), upTo(part.next - 20, 20));

  await storage.saveSnapshot(30, 1, [], new LiveSet());
  const { firstIndex } = (await open(disk.crashClone(0), options)).recovered;
  t.ok(firstIndex > 20, 'it has let go of some');
  const rest = await records.readLive(1, 61, 1e6);
  t.same(rest.lacking, upTo(firstIndex - 1));
  t.same(indexesOf(rest.bytes), upTo(61 - firstIndex, firstIndex));
});

t.test('a range without end is answered in parts', async (t) => {
  const storage = await open(newDisk(), options);
  const records = new WitnessRecords(storage, { appliedIndex: 1e9, live: new LiveSet() });
  const { next, lacking } = await records.readLive(1, 1e9, 1e6);
  t.same([next, lacking.length], [4097, 4096]);
});

t.test('what a witness misread once it gives all the same', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, options);
  for (const index of upTo(60)) await written(storage, { entries: [entry(index, 1)] });
  disk.device.fail({ operation: 'read', path: 'journal/', misdirected: true });
  const damages = await storage.checkLog(() => Promise.resolve());
  t.ok(damages.length > 0);
  const records = new WitnessRecords(storage, { appliedIndex: 60, live: new LiveSet() });
  t.same((await records.readLive(1, 61, 1e6)).lacking, []);
});

t.test('a record that goes bad on the only member with a state that has it comes from the witness', async (t) => {
  const cluster = new Cluster('witness repair 1', {
    settings: { snapshotBytes: 1 << 20, segmentBytes: 4096, tailBytesMax: 0, cacheBytes: 0 },
    changes: (name) => ({ witness: name === 'c' }),
  });
  cluster.startAll();
  const leader = await cluster.untilLed();
  const other = cluster.names.find((name) => name !== leader && name !== 'c')!;
  t.ok(await cluster.commit('early'));
  cluster.kill(other);
  const positions: number[] = [];
  for (const n of upTo(20)) positions.push((await cluster.commit(`keep ${n}`, 400)) ?? 0);
  const { device } = cluster.world.host(leader);
  const marked = Buffer.from('keep 3 ');
  for (const { path } of device.files.filter((file) => file.path.startsWith('journal/'))) {
    const at = Buffer.from(device.contentOf(path)).indexOf(marked);
    if (at !== -1) device.rot(path, at + 50);
  }
  const { log, lines } = cluster.life(leader);
  const [read] = await cluster.world.simulation.run(() => log!.readPayloads([positions[2]! as never]));
  t.equal(typeof read === 'string' ? read : decodeText(read!).trimEnd(), 'keep 3', cluster.story());
  t.match(lines.at(-1), /is repaired: 1 of its records was fetched from node c$/);
  t.equal(cluster.life('c').log?.status.members.find(({ id }) => id === ('c' as NodeId))?.part, 'witness');
});
