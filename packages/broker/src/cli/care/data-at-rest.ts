import { statSync } from 'node:fs';
import { resolve } from 'node:path';

import { DiskError } from '@lockstep/kernel';
import { surveyData } from '@lockstep/raft-log/care';
import type { ReadableDisk, Survey } from '@lockstep/raft-log/care';

import { dataLockHolder } from '../../ports/data-lock.ts';
import { NodeDisk } from '../../ports/node-disk.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { judge } from './judge.ts';
import type { Judged } from './judge.ts';
import { loadOffline } from './offline-state.ts';
import type { OfflineState } from './offline-state.ts';
import { ProgressBar } from './progress-bar.ts';

/** A data directory that no process uses, looked at from end to end. */
export interface DataAtRest {
  readonly directory: string;
  readonly disk: ReadableDisk;
  readonly survey: Survey;
  readonly state: OfflineState;
  readonly damages: readonly Judged[];
}

/** @throws CommandError when it is not there, is no data directory, or is in use. */
export async function refuseUnlessAtRest(path: string): Promise<string> {
  const directory = resolve(path);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CommandError(exitCodes.usage, `${directory}: there is no such directory`);
  }
  const holder = await dataLockHolder(directory);
  if (holder !== null) {
    throw new CommandError(exitCodes.usage, `${directory} is in use by process ${holder}: stop that node first`);
  }
  return directory;
}

/** Reads all of it; writes nothing. @throws CommandError */
export async function lookAt(path: string, quiet: boolean): Promise<DataAtRest> {
  const directory = await refuseUnlessAtRest(path);
  const disk: ReadableDisk = new NodeDisk(directory);
  const entries = await disk.list('.');
  if (!entries.includes('journal') && !entries.includes('identity.json')) {
    throw new CommandError(exitCodes.usage, `${directory} is not the data directory of a node: it has no journal`);
  }
  try {
    const reading = new ProgressBar('checking', quiet);
    const survey = await surveyData(disk, reading.update);
    reading.end();
    const applying = new ProgressBar('applying', quiet);
    const state = await loadOffline(disk, survey, applying.update);
    applying.end();
    // A node that was started meanwhile has changed what was looked at.
    await refuseUnlessAtRest(directory);
    return { directory, disk, survey, state, damages: await judge(disk, survey, state) };
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    throw new CommandError(exitCodes.failed, `${directory}: ${error.message}`, error);
  }
}
