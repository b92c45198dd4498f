import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const LOCK_NAME = 'lock';

/** Another process, or another part of this one, uses the data directory. */
export class DataLockedError extends Error {
  override readonly name = 'DataLockedError';
  readonly path: string;
  readonly pid: number;
  constructor(path: string, pid: number) {
    super(`${path} is in use by process ${pid}`);
    this.path = path;
    this.pid = pid;
  }
}

export interface DataLock {
  /** Gives the directory free. Harmless when called again. */
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  /** When the process began, in the kernel's ticks since the boot; empty where the system doesn't say. */
  readonly started: string;
  readonly boot: string;
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}

/** Null when there is no such process. */
async function describe(pid: number): Promise<Holder | null> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, as another user's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  const stat = (await textOf(`/proc/${pid}/stat`)) ?? '';
  // The name, in parentheses, may hold anything. Behind it: the state, and as the 20th the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie is dead; only its parent has not asked yet.
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  const started = fields[19] ?? '';
  const boot = ((await textOf('/proc/sys/kernel/random/boot_id')) ?? '').trim();
  return { pid, started, boot };
}

function parseHolder(text: string): Holder | null {
  const [pid, started, boot] = text.split('\n');
  if (pid === undefined || !/^[1-9]\d{0,9}$/.test(pid)) return null;
  return { pid: Number(pid), started: started ?? '', boot: boot ?? '' };
}

/** A number alone proves nothing: it is given out again, after a restart of a container at once. */
async function livingHolder(text: string): Promise<Holder | null> {
  const holder = parseHolder(text);
  const now = holder === null ? null : await describe(holder.pid);
  return now !== null && now.started === holder?.started && now.boot === holder.boot ? now : null;
}

/**
 * Gives the file `mine` the second name `path`, unless a living process has that. A dead one's lock may be replaced
 * only by who holds a lock named after it (which is taken in this same way, should its holder have died too): so it
 * cannot change between being looked at and being replaced, and of several that find it, one gets it.
 */
async function acquire(path: string, mine: string, directory: string): Promise<void> {
  for (;;) {
    try {
      await link(mine, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = await textOf(path);
    if (found === null) continue;
    const holder = await livingHolder(found);
    if (holder !== null) throw new DataLockedError(directory, holder.pid);
    const right = `${path}.${createHash('sha256').update(found).digest('hex').slice(0, 16)}`;
    await acquire(right, mine, directory);
    if ((await textOf(path)) === found) {
      // Replaces the dead lock and gives up the right to do so, in one step.
      await rename(right, path);
      return;
    }
    await unlink(right);
  }
}

/** The living process that has taken the directory, if there is one. Only looks. */
export async function dataLockHolder(directory: string): Promise<number | null> {
  const text = await textOf(join(directory, LOCK_NAME));
  return text === null ? null : ((await livingHolder(text))?.pid ?? null);
}

/**
 * Takes the directory, which must exist, for this process alone. A lock left by a process that is dead (SIGKILL, power
 * failure) is recognised and replaced. Guards against mistakes on one machine: a directory shared by machines or by
 * containers with process numbers of their own is not protected.
 * @throws DataLockedError naming the directory and the process that holds it.
 */
export async function lockDataDirectory(directory: string): Promise<DataLock> {
  const path = join(directory, LOCK_NAME);
  const unique = randomUUID();
  const mine = `${path}.${unique}`;
  const self = await describe(process.pid);
  const content = `${process.pid}\n${self?.started ?? ''}\n${self?.boot ?? ''}\n${unique}\n`;
  // Written under another name first, so that nobody ever reads half a lock.
  await writeFile(mine, content, { flag: 'wx', mode: 0o600 });
  try {
    await acquire(path, mine, directory);
  } finally {
    await unlink(mine);
  }
  let held = true;
  return {
    async release() {
      if (!held) return;
      held = false;
      if ((await textOf(path)) === content) await unlink(path);
    },
  };
}
