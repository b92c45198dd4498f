import { SimDevice, SimDisk, SimRandom } from '@lockstep/testkit';

import { CorruptionError } from '../../../src/driver/storage-types.ts';
import type { Storage } from '../../../src/driver/storage-types.ts';
import type { Complaint } from '../../complaint.ts';
import { voteFor } from './crash-model.ts';
import { contents, entry, open, textOf, written } from './harness.ts';

/*
 * A storage that was written to, each write reported done, and then one wrong byte in its journal: found while it runs, or at its next start.
 */

const vote = voteFor('a', 1);

/** Null, or what is wrong with how one wrong byte was met. */
export async function damageAndOpen(seed: number): Promise<Complaint | null> {
  const random = new SimRandom(`damage ${seed}`);
  const device = new SimDevice(random.fork('device'));
  const disk = new SimDisk(device);
  const options = { segmentBytes: random.pick([600, 3000, 100_000]), retainBytes: 1_000_000 };
  const storage = await open(disk, { ...options, cacheBytes: 0 });
  const texts: string[] = [];
  for (let left = 1 + random.below(12); left > 0; left--) {
    const added = Array.from({ length: random.pick([1, 1, 3]) }, (_, i) =>
      entry(texts.length + 1 + i, 1, new Uint8Array(random.pick([1, 40, 600])).fill(97 + random.below(26))),
    );
    await written(storage, { hardState: texts.length === 0 ? vote : null, entries: added });
    texts.push(...added.map(textOf));
  }
  const segments = device.files.filter(({ path, length }) => path.startsWith('journal/') && length > 64);
  // At its start: the last write is where damage is easiest taken for a crash.
  const { path, length } = random.chance(0.5) ? segments.at(-1)! : random.pick(segments);
  device.rot(path, 64 + random.below(length - 64), random.pick([1, 16, 128]));
  if (random.chance(0.3)) return readDamaged(storage, texts);
  return openDamaged(disk.crashClone(0), options, random.chance(0.5), texts);
}

async function readDamaged(storage: Storage, texts: readonly string[]): Promise<Complaint | null> {
  const reads = await storage.readRecords(texts.map((_, i) => i + 1));
  for (const [i, read] of reads.entries()) {
    if (read === 'missing') return { invariant: 'what is damaged is not absent', detail: `record ${i + 1}` };
    if ('record' in read && textOf(read) !== texts[i]!)
      return { invariant: 'no damaged record is handed out', detail: `record ${i + 1} is ${textOf(read)}` };
  }
  return null;
}

async function openDamaged(
  disk: SimDisk,
  options: { readonly segmentBytes: number },
  alone: boolean,
  texts: readonly string[],
): Promise<Complaint | null> {
  const storage = await open(disk, { ...options, alone }).catch((error: unknown) => {
    if (error instanceof CorruptionError && alone) return null;
    throw error;
  });
  if (storage === null) return null;
  const { lastIndex, hardState } = storage.recovered;
  const detail = `entries up to ${lastIndex} of ${texts.length} are left`;
  if (lastIndex < texts.length) {
    if (alone) return { invariant: 'nobody who is alone starts with less than it acknowledged', detail };
    if (hardState.standing !== 'abstaining') return { invariant: 'who lost entries to damage has no vote', detail };
  }
  const found = await contents(storage);
  if (String(found) === String(texts.slice(0, lastIndex))) return null;
  return { invariant: 'no damaged record is handed out', detail: String(found) };
}
