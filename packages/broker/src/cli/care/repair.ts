import { link, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { lostCommand } from '@lockstep/core';
import { DiskError } from '@lockstep/kernel';
import { rewriteRecords, rewriteSegments, rewriteVotes } from '@lockstep/raft-log/care';
import type { Survey } from '@lockstep/raft-log/care';

import { lockDataDirectory } from '../../ports/data-lock.ts';
import { NodeDisk } from '../../ports/node-disk.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { lookAt } from './data-at-rest.ts';
import type { DataAtRest } from './data-at-rest.ts';
import type { Judged } from './judge.ts';
import { LoneLog } from './lone-log.ts';
import type { OfflineState } from './offline-state.ts';
import { countText } from './texts.ts';
import { lineOf } from './verify.ts';

export interface RepairFlags {
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** Why it can't be done here; null: it can. */
function obstacle({ survey, state, damages }: DataAtRest): string | null {
  if (!survey.alone) {
    return (
      `this node is one of several, and the others hold what is damaged here: start it, and it repairs itself from them; ` +
      'if it refuses, move this directory away and start it empty'
    );
  }
  const kinds = new Set(damages.map(({ kind }) => kind));
  if (kinds.has('newer')) return 'a newer program wrote it: use that one';
  if (kinds.has('identity')) {
    return 'it can’t be told whether this node is alone: if it is, `lockstep export` and `lockstep import` bring its messages into a new directory';
  }
  if (state.rootless) return 'its snapshot is damaged: which messages live is known from a backup alone';
  if (damages.some(({ kind, weight }) => kind === 'missing' && weight === 'fatal'))
    return 'a file is missing: bring it back';
  return null;
}

/** Gives up what is damaged in the data of a node that is alone, once `--yes` says so. @throws CommandError */
export async function repair(data: string, flags: RepairFlags): Promise<void> {
  const quiet = flags.json === true;
  const found = await lookAt(data, quiet);
  const { directory, damages, state } = found;
  const real = damages.filter(({ kind }) => kind !== 'torn');
  const messages = real.flatMap((damage) => damage.messages);
  const say = (text: string): void => void (quiet || console.log(text));
  for (const damage of real) say(lineOf(damage));
  const report = (repaired: boolean, aside: string | null): void => {
    if (quiet) console.log(JSON.stringify({ data: directory, repaired, aside, lost: messages, damages: real }));
  };
  if (real.length === 0) {
    say(`${directory}: there is nothing to repair`);
    report(false, null);
    return;
  }
  const reason = obstacle(found);
  if (reason !== null || flags.yes !== true) {
    report(false, null);
    const hint = reason ?? `\`--yes\` gives up what is named above (${lossText(found, real)}), and keeps the old files`;
    throw new CommandError(exitCodes.failed, `${directory} was not changed: ${hint}`);
  }
  const aside = await carryOut(found);
  await confirm(directory, quiet);
  report(true, aside);
  say(`${directory} is repaired: ${lossText(found, real)}; the old files are in ${aside}`);
  if (state.abandoned.length > 0) {
    say(`${countText(state.abandoned.length, 'more entr', 'y', 'ies')} of broken transactions took no effect`);
  }
}

function lossText({ state }: DataAtRest, damages: readonly Judged[]): string {
  if (damages.every(({ weight, kind }) => weight === 'harmless' || kind === 'votes')) return 'no message is lost';
  const lost = new Set(damages.flatMap(({ messages }) => messages.map(({ id }) => id)));
  for (const index of state.lost) if (!state.settled.has(index)) lost.add(String(index));
  return lost.size === 0 ? 'what is named above is lost' : `at most ${countText(lost.size, 'message')} lost`;
}

/** Returns where the old files are. */
async function carryOut({ directory, survey, state, damages }: DataAtRest): Promise<string> {
  const lock = await lockDataDirectory(directory);
  try {
    const disk = new NodeDisk(directory);
    const aside = join(directory, `before-repair-${new Date().toISOString().replace(/[:.]/g, '-')}`);
    const keep = async (path: string): Promise<void> => {
      await mkdir(dirname(join(aside, path)), { recursive: true, mode: 0o700 });
      // What takes its place gets its name; this one keeps the bytes.
      await link(join(directory, path), join(aside, path));
    };
    await rewriteSegments(disk, survey, new Set(state.abandoned), lostCommand, keep);
    await rewriteRecords(disk, survey, keep);
    if (damages.some(({ kind }) => kind === 'votes')) {
      if ((await disk.list('.')).includes('hard-state')) await keep('hard-state');
      await rewriteVotes(disk, survey);
    }
    await giveUpBodiless(directory, survey, state);
    return aside;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    throw new CommandError(exitCodes.failed, `the repair broke off: ${error.message}; run it again`, error);
  } finally {
    await lock.release();
  }
}

/** Messages that the state refers to and no file holds: the log says that they are gone. */
async function giveUpBodiless(directory: string, { identity }: Survey, { bodiless }: OfflineState): Promise<void> {
  if (bodiless.length === 0 || identity === null) return;
  const log = await LoneLog.open(directory, identity);
  await log.discard(bodiless);
  await log.close();
}

async function confirm(directory: string, quiet: boolean): Promise<void> {
  const { damages } = await lookAt(directory, quiet);
  const left = damages.filter(({ kind }) => kind !== 'torn');
  if (left.length === 0) return;
  const text = left.map((damage) => lineOf(damage)).join('\n');
  throw new CommandError(exitCodes.failed, `${directory} is still damaged:\n${text}`);
}
