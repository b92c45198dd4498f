import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { makeConfigurationEntry } from '../../../src/driver/storage/index.ts';
import { nothingLives } from '../../../src/driver/storage-types.ts';
import { configurationOf } from '../../../src/node/index.ts';
import type { Configuration, ConfigurationAt, Entry } from '../../../src/node/index.ts';
import {
  chunksOf,
  entries,
  newDisk,
  nothingKept,
  open,
  snapshotText,
  someIdentity,
  transfer,
  written,
} from './harness.ts';

const of = (...voters: string[]): Configuration => ({
  ...configurationOf(voters as NodeId[]),
  addresses: Object.fromEntries(voters.map((id) => [id, `${id}.example:1`])),
  level: 2,
});
const brings = (index: number, term: number, ...voters: string[]): Entry =>
  makeConfigurationEntry(index, term, of(...voters));
const at = (index: number, ...voters: string[]): ConfigurationAt => ({ index, configuration: of(...voters) });

t.test('a start finds the configurations that the journal holds, and none that was replaced', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await storage.writeIdentity(someIdentity);
  await written(storage, { entries: [...entries(1, 3, 1), brings(4, 1, 'a', 'b'), ...entries(5, 9, 1)] });
  await written(storage, { entries: [brings(10, 1, 'a', 'b', 'c'), ...entries(11, 12, 1)] });
  await storage.close();
  const again = await open(disk);
  t.same(again.recovered.configurations, [at(4, 'a', 'b'), at(10, 'a', 'b', 'c')]);

  await written(again, { entries: [...entries(8, 9, 2), brings(10, 2, 'a', 'x')] });
  await written(again, { entries: entries(10, 11, 3) });
  await again.close();
  t.same((await open(disk)).recovered.configurations, [at(4, 'a', 'b')]);
});

t.test('a snapshot holds the configuration at its index; those after it are still in the journal', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, { retainBytes: 0, segmentBytes: 64 * 1024 });
  await storage.writeIdentity(someIdentity);
  await written(storage, {
    entries: [brings(1, 1, 'a'), ...entries(2, 5, 1), brings(6, 1, 'a', 'b'), ...entries(7, 9, 1)],
  });
  await written(storage, { entries: [brings(10, 1, 'a', 'b', 'c')] });
  await storage.saveSnapshot(8, 1, chunksOf('the', 'state'), nothingLives, at(6, 'a', 'b'));
  t.same(storage.snapshot?.configuration, at(6, 'a', 'b'));
  await storage.close();
  const again = await open(disk);
  t.same(again.recovered.configurations, [at(6, 'a', 'b'), at(10, 'a', 'b', 'c')]);
  t.same(again.snapshot?.configuration, at(6, 'a', 'b'));
  t.equal(await snapshotText(again), 'the|state', 'it is no part of the state');
  await again.saveSnapshot(10, 1, [], nothingLives, at(10, 'a', 'b', 'c'));
  await again.close();
  t.same((await open(disk)).recovered.configurations, [at(10, 'a', 'b', 'c')]);
});

t.test('it travels with the snapshot', async (t) => {
  const leader = await open(newDisk(1));
  await leader.writeIdentity(someIdentity);
  await written(leader, { entries: [brings(1, 2, 'a', 'b', 'c'), ...entries(2, 9, 2)] });
  await leader.saveSnapshot(9, 2, chunksOf('state'), nothingLives, at(1, 'a', 'b', 'c'));
  const disk = newDisk(2);
  const follower = await open(disk);
  await follower.writeIdentity(someIdentity);
  await written(follower, { entries: [brings(1, 1, 'f')] });
  const receiver = await transfer(leader, follower);
  t.same(receiver.configuration, at(1, 'a', 'b', 'c'));
  await follower.installSnapshot(receiver, null, nothingKept);
  t.same(follower.snapshot?.configuration, at(1, 'a', 'b', 'c'));
  await follower.close();
  t.same((await open(disk)).recovered.configurations, [at(1, 'a', 'b', 'c')]);
});

t.test('a snapshot of a log without one is as an older program writes it', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await storage.writeIdentity(someIdentity);
  await written(storage, { entries: entries(1, 9, 1) });
  await storage.saveSnapshot(9, 1, chunksOf('state'), nothingLives);
  const reader = (await storage.openSnapshot())!;
  const header = await reader.read(0, 32);
  t.equal(new DataView(header.buffer, header.byteOffset).getUint32(12, true), 1);
  await reader.close();
  await storage.close();
  const again = await open(disk);
  t.same([again.recovered.configurations, again.snapshot?.configuration], [[], null]);
});

t.test('damage to it is found when the node starts', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await storage.writeIdentity(someIdentity);
  await written(storage, { entries: [brings(1, 1, 'a'), ...entries(2, 9, 1)] });
  await storage.saveSnapshot(9, 1, chunksOf('state'), nothingLives, at(1, 'a'));
  await storage.close();
  const path = `snapshot/${(await disk.list('snapshot'))[0] ?? ''}`;
  const file = await disk.open(path, 'update');
  const byte = new Uint8Array(1);
  await file.read(byte, 60);
  byte[0] = (byte[0] ?? 0) ^ 4;
  await file.write([byte], 60);
  await file.sync();
  await file.close();
  await t.rejects(open(disk), { name: 'CorruptionError', message: /checksum of chunk 0/ });
});

t.test('a witness keeps the shape of a snapshot', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await written(storage, { entries: entries(1, 9, 2) });
  await storage.installSnapshot(await storage.makeShape(50, 3, at(7, 'a', 'b', 'c')), null, nothingKept);
  await written(storage, { entries: entries(51, 52, 3) });
  const again = await open(disk.crashClone(0));
  t.match(again.recovered, { snapshotIndex: 50, snapshotTerm: 3, firstIndex: 51, lastIndex: 52 });
  t.same(again.recovered.configurations, [at(7, 'a', 'b', 'c')]);
});
