import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { lockDataDirectory } from '../ports/data-lock.ts';
import type { DataLock } from '../ports/data-lock.ts';
import type { NodeLayout } from './cluster-layout.ts';

const NOTE_NAME = 'cluster.json';

function readNote(path: string): readonly string[] | null {
  if (!existsSync(path)) return null;
  const { nodes } = JSON.parse(readFileSync(path, 'utf8')) as { nodes?: unknown };
  return Array.isArray(nodes) ? nodes.map(String) : null;
}

/**
 * Takes the directory for one runner, and with `fresh` removes what the nodes of an earlier one have left in it (nothing else).
 * @throws DataLockedError when another cluster runs in it; RangeError when its data are of another number of nodes.
 */
export async function takeClusterDirectory(
  directory: string,
  layout: readonly NodeLayout[],
  fresh: boolean,
): Promise<DataLock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = await lockDataDirectory(directory);
  const note = join(directory, NOTE_NAME);
  const ids = layout.map(({ id }) => id);
  const before = readNote(note);
  if (fresh) {
    for (const id of before ?? []) rmSync(join(directory, id), { recursive: true, force: true });
  } else if (before !== null && before.join() !== ids.join()) {
    await lock.release();
    throw new RangeError(
      `--nodes: '${ids.length}': ${directory} holds the data of ${before.length} nodes: use the same number, another --data, or --fresh to start anew`,
    );
  }
  for (const id of new Set([...ids, ...(before ?? [])])) rmSync(join(directory, `${id}.log`), { force: true });
  writeFileSync(note, `${JSON.stringify({ nodes: ids })}\n`);
  return lock;
}
