import { readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { DataLockedError, lockDataDirectory } from '../ports/data-lock.ts';
import type { DataLock } from '../ports/data-lock.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

const OWNER_NAME = 'owner.json';

const ELSEWHERE = 'name another directory with --data (or `data:`)';
const WHY_UNUSABLE: ReadonlyMap<string | undefined, string> = new Map([
  ['EROFS', `its file system can only be read: mount it for writing, or ${ELSEWHERE}`],
  ['EACCES', `this user may not write there: give it the right, or ${ELSEWHERE}`],
  ['EEXIST', `there is a file of that name: ${ELSEWHERE}`],
  ['ENOTDIR', `a part of that path is a file: ${ELSEWHERE}`],
  ['ENOSPC', `its disk is full: make room, or ${ELSEWHERE}`],
]);

/** Whose data a directory holds. */
export interface Owner {
  readonly broker: string;
  readonly node: string;
}

/** Null when it does not say. @throws CommandError when what it says is damaged. */
export function readOwnerOf(directory: string): Owner | null {
  return readOwner(join(directory, OWNER_NAME));
}

function readOwner(path: string): Owner | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { broker, node } = JSON.parse(text) as Partial<Owner>;
    if (typeof broker === 'string' && typeof node === 'string') return { broker, node };
  } catch {
    // Said below.
  }
  throw new CommandError(
    exitCodes.failed,
    `${path} is damaged: it should say which broker and node this data belongs to, as {"broker":"lockstep","node":"a"}; ` +
      'write that if you are sure, or empty the directory: the node then learns from the others what it held',
  );
}

/** Whole or not at all: a crash must not leave half of it. */
async function writeOwner(directory: string, owner: Owner): Promise<void> {
  const path = join(directory, OWNER_NAME);
  const file = await open(`${path}.new`, 'w', 0o600);
  await file.writeFile(`${JSON.stringify(owner)}\n`);
  await file.sync();
  await file.close();
  await rename(`${path}.new`, path);
  const parent = await open(directory, 'r');
  await parent.sync();
  await parent.close();
}

/**
 * Makes the directory where it isn't there, takes it for this process, and binds it to broker and node for good: a journal under
 * another name could vote for what it never saw.
 * @throws CommandError with exit code 2 when it is in use, belongs to another, or can't be made.
 */
export async function takeDataDirectory(directory: string, owner: Owner): Promise<DataLock> {
  let lock: DataLock;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    lock = await lockDataDirectory(directory);
  } catch (error) {
    if (error instanceof DataLockedError) {
      const hint = 'stop that one first, or name another directory with --data (or `data:`)';
      throw new CommandError(exitCodes.usage, `data: ${error.message}: ${hint}`, error);
    }
    const { code, message } = error as NodeJS.ErrnoException;
    const why = WHY_UNUSABLE.get(code) ?? message;
    throw new CommandError(exitCodes.usage, `data: ${directory} cannot be used: ${why}`, error);
  }
  try {
    const found = readOwner(join(directory, OWNER_NAME));
    if (found === null) {
      await writeOwner(directory, owner);
    } else if (found.broker !== owner.broker || found.node !== owner.node) {
      const whose = `node '${found.node}' of broker '${found.broker}'`;
      const asked = `node '${owner.node}' of broker '${owner.broker}'`;
      const hint = 'name another directory with --data, or start it under its own name';
      throw new CommandError(exitCodes.usage, `data: ${directory} belongs to ${whose}, and this is ${asked}: ${hint}`);
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
  return lock;
}
