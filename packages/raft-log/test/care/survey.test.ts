import { encodeText } from '@lockstep/kernel';
import { SimRandom } from '@lockstep/testkit';
import type { SimDisk } from '@lockstep/testkit';
import t from 'tap';

import { RecordReader, rewriteSegments, surveyData } from '../../src/care/index.ts';
import type { Survey } from '../../src/care/index.ts';
import { nothingLives } from '../../src/driver/storage-types.ts';
import { chunksOf, contents, entries, newDisk, open, someIdentity, written } from '../driver/storage/harness.ts';

const vote = { term: 1, votedFor: 'a' as never, standing: 'voter' } as const;
const small = { segmentBytes: 900, retainBytes: 0 };

/** Entries 1 to 33 in several segments, some of them replaced, with a snapshot at 22. */
async function someData(): Promise<SimDisk> {
  const disk = newDisk();
  const storage = await open(disk, small);
  await written(storage, { hardState: vote, entries: entries(1, 20, 1) });
  for (let i = 21; i <= 30; i++) await written(storage, { hardState: { ...vote, term: 2 }, entries: entries(i, i, 2) });
  await storage.writeIdentity(someIdentity);
  await storage.saveSnapshot(22, 2, chunksOf('the', 'state'), nothingLives);
  await written(storage, { entries: entries(28, 33, 3) });
  return disk;
}

function survey(disk: SimDisk): Promise<Survey> {
  return surveyData(disk, () => {});
}

async function filesOf(disk: SimDisk): Promise<string[]> {
  const files = ['identity.json', 'hard-state'];
  for (const directory of ['journal', 'snapshot']) {
    for (const name of await disk.list(directory)) files.push(`${directory}/${name}`);
  }
  return files;
}

/** As `contents` tells it. */
async function logOf(disk: SimDisk, found: Survey): Promise<string[]> {
  const reader = new RecordReader(disk, found);
  const told: string[] = [];
  for (let index = found.log.firstIndex; index <= found.log.lastIndex; index++) {
    const row = found.log.row(index);
    if (row === null) continue;
    const { term, record } = await reader.read(row);
    told.push(`${index}/${term} ${new TextDecoder().decode(record.subarray(32))}`);
  }
  await reader.close();
  return told;
}

t.test('what is intact is found as the storage itself finds it', async (t) => {
  const disk = await someData();
  const found = await survey(disk);
  t.same(found.damages, []);
  t.match(found, { identity: someIdentity, hardState: { term: 2 }, snapshot: { index: 22, term: 2, intact: true } });
  t.same(await logOf(disk, found), await contents(await open(disk.crashClone(0), small), 23));
});

t.test('no flipped bit goes unnoticed, and the file is named', async (t) => {
  const disk = await someData();
  const random = new SimRandom('bits');
  let flips = 0;
  for (const path of await filesOf(disk)) {
    const size = disk.device.contentOf(path).length;
    for (let offset = 0; offset < size; offset += 1 + random.below(3)) {
      // Nobody reads what lies between the two slots.
      if (path === 'hard-state' && offset >= 512 && offset < 4096) continue;
      const clone = disk.crashClone(1);
      clone.device.rot(path, offset, 1 << random.below(8));
      const { damages } = await survey(clone);
      flips++;
      if (damages.some(({ file }) => file === path)) continue;
      t.fail(`${path} at ${offset}: ${JSON.stringify(damages)}`);
      return;
    }
  }
  t.ok(flips > 1400, `${flips} bits`);
});

t.test('a segment that is written anew opens again, and lacks only what was reported', async (t) => {
  const disk = await someData();
  const whole = await contents(await open(disk.crashClone(0), small), 23);
  const random = new SimRandom('rewrite');
  const journal = (await filesOf(disk)).filter((path) => path.startsWith('journal/'));
  for (let round = 0; round < 400; round++) {
    const clone = disk.crashClone(1);
    for (let flips = 1 + random.below(3); flips > 0; flips--) {
      const path = journal[random.below(journal.length)]!;
      clone.device.rot(path, random.below(clone.device.contentOf(path).length), 1 << random.below(8));
    }
    const found = await survey(clone);
    const left = await logOf(clone, found);
    await rewriteSegments(clone, found, new Set(), encodeText('lost'), async () => {});
    const after = await contents(await open(clone, small), 23);
    const kept = after.filter((text) => !text.endsWith(' lost'));
    const holes = [...found.log.holes()].reduce((sum, { from, to }) => sum + to - from + 1, 0);
    t.strictSame(kept, left, `round ${round}`);
    t.strictSame(
      left.filter((text) => !whole.includes(text)),
      [],
      `nothing is made up ${JSON.stringify(found.damages)}`,
    );
    t.ok(whole.length - left.length <= holes + found.damages.filter(({ kind }) => kind === 'record').length * 6);
    if (!t.passing()) return;
  }
});

t.test('an entry is named when those around it stand, and one that was replaced is not missed', async (t) => {
  const disk = await someData();
  const { paths, records } = await survey(disk);
  const named: unknown[] = [];
  for (let row = 1; row < records.count - 1; row++) {
    const clone = disk.crashClone(1);
    clone.device.rot(paths[records.file(row)]!, records.offset(row) + 33);
    const [damage, ...more] = (await survey(clone)).damages;
    t.same(more, []);
    t.match(damage, { kind: 'record', offset: records.offset(row) });
    if (damage?.entries !== null) named.push(damage?.entries);
  }
  // Of 28 to 30 the first version was replaced; that of 28 can't be told from a lost 28.
  t.ok(named.length >= records.count - 2 - 4, `${named.length} of ${records.count - 2}`);
});
