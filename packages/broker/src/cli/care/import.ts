import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

import type { ImportedMessage } from '@lockstep/core';
import { DiskError } from '@lockstep/kernel';
import { CorruptionError } from '@lockstep/raft-log';
import { surveyData } from '@lockstep/raft-log/care';

import { NodeDisk } from '../../ports/node-disk.ts';
import { readOwnerOf, takeDataDirectory } from '../data-directory.ts';
import type { Owner } from '../data-directory.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { refuseUnlessAtRest } from './data-at-rest.ts';
import { ExportFileError, ExportFileReader } from './export-file.ts';
import { LoneLog } from './lone-log.ts';
import { ProgressBar } from './progress-bar.ts';
import { countText } from './texts.ts';

export interface ImportFlags {
  readonly json?: boolean;
  /** For a new directory. */
  readonly broker?: string;
  readonly node?: string;
}

const newOwner: Owner = { broker: 'lockstep', node: 'a' };

/** Brings all messages of an export into a data directory, in one transaction: all, or (should it break off) none. @throws CommandError */
export async function importMessages(data: string, file: string, flags: ImportFlags): Promise<void> {
  const directory = resolve(data);
  const quiet = flags.json === true;
  const checking = new ProgressBar('checking the file', quiet);
  await readExport(file, checking, () => null);
  checking.end();
  const owner = await ownerOf(directory, flags);
  const lock = await takeDataDirectory(directory, owner);
  try {
    const log = await LoneLog.open(directory, owner);
    try {
      const importing = new ProgressBar('importing', quiet);
      await log.beginImport();
      await readExport(file, importing, (message) => log.add(message));
      await log.endImport();
      importing.end();
    } finally {
      await log.close();
    }
    if (quiet) console.log(JSON.stringify({ data: directory, file: resolve(file), messages: log.messages }));
    else console.log(`${countText(log.messages, 'message')} brought into ${directory}`);
  } catch (error) {
    if (!(error instanceof DiskError || error instanceof CorruptionError)) throw error;
    throw new CommandError(exitCodes.failed, `nothing was imported: ${error.message}`, error);
  } finally {
    await lock.release();
  }
}

/** A new directory belongs to whom the flags say; one that is there to itself, and it must be alone. */
async function ownerOf(directory: string, { broker, node, json }: ImportFlags): Promise<Owner> {
  const quiet = json === true;
  const there = statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true;
  const owner = there ? readOwnerOf(directory) : null;
  if (owner === null) return { broker: broker ?? newOwner.broker, node: node ?? newOwner.node };
  await refuseUnlessAtRest(directory);
  const looking = new ProgressBar('checking the data', quiet);
  const { alone } = await surveyData(new NodeDisk(directory), looking.update);
  looking.end();
  if (!alone) {
    const hint = 'import into a new directory, start it, and let clients bring the messages over';
    const text = `${directory} is one of several nodes, which must all hold the same: ${hint}`;
    throw new CommandError(exitCodes.usage, text);
  }
  return { broker: broker ?? owner.broker, node: node ?? owner.node };
}

/** Hands out the messages, one by one. What was handed out counts only when it resolves. @throws CommandError */
async function readExport(
  file: string,
  bar: ProgressBar,
  take: (message: ImportedMessage) => Promise<void> | null,
): Promise<void> {
  const reader = new ExportFileReader();
  try {
    const input = createReadStream(file);
    const total = statSync(file).size;
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      const message = reader.line(line);
      if (message === null) continue;
      const taken = take(message);
      if (taken !== null) await taken;
      bar.update(input.bytesRead, total);
    }
    reader.finish();
  } catch (error) {
    if (error instanceof ExportFileError) throw new CommandError(exitCodes.failed, `${file}, ${error.message}`, error);
    if (error instanceof Error && 'syscall' in error) {
      throw new CommandError(exitCodes.usage, `${file} cannot be read: ${error.message}`, error);
    }
    throw error;
  }
}
