import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';

import { readMessage } from '@lockstep/core';
import type { ImportedMessage, LiveMessage } from '@lockstep/core';
import { entryPayload, RecordFinder } from '@lockstep/raft-log/care';

import { CommandError, exitCodes } from '../exit-codes.ts';
import { lookAt } from './data-at-rest.ts';
import type { DataAtRest } from './data-at-rest.ts';
import { endLine, headLine, messageLine } from './export-file.ts';
import { ProgressBar } from './progress-bar.ts';
import { countText } from './texts.ts';

export interface ExportFlags {
  readonly json?: boolean;
  /** Leaves out what is lost, instead of refusing. */
  readonly partial?: boolean;
}

const blockBytes = 1024 * 1024;

/** Writes all live messages into FILE: whole, or not at all. @throws CommandError */
export async function exportMessages(data: string, file: string, flags: ExportFlags): Promise<void> {
  const path = resolve(file);
  if (existsSync(path)) throw new CommandError(exitCodes.usage, `${path} is there already: name another file`);
  const found = await lookAt(data, flags.json === true);
  const weighty = found.damages.filter(
    ({ weight, kind }) => weight === 'lost' || kind === 'snapshot' || kind === 'newer',
  );
  if (found.state.rootless || (weighty.length > 0 && flags.partial !== true)) throw refusal(found);
  const temporary = `${path}.part`;
  let messages: number;
  try {
    messages = await writeExport(found, temporary, flags.json === true);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new CommandError(exitCodes.failed, `${path} was not written: ${error.message}`, error);
  }
  const lost = weighty.length;
  if (flags.json === true)
    console.log(JSON.stringify({ data: found.directory, file: path, messages, damages: weighty }));
  else {
    const without =
      lost === 0 ? '' : `; what ${countText(lost, 'damage')} held is not in it (\`lockstep verify\` names it)`;
    console.log(`${countText(messages, 'message')} written to ${path}${without}`);
  }
}

function refusal({ directory, state }: DataAtRest): CommandError {
  const hint = state.rootless
    ? 'its snapshot is damaged: without it nobody can say which messages live (`lockstep verify` says more)'
    : 'messages in it are lost: `lockstep verify` names them, and `--partial` exports the others';
  return new CommandError(exitCodes.failed, `${directory} is damaged, and ${hint}`);
}

async function writeExport(
  { survey, state, disk, directory }: DataAtRest,
  path: string,
  quiet: boolean,
): Promise<number> {
  const output = await open(path, 'wx', 0o600);
  const finder = new RecordFinder(disk, survey);
  try {
    const hash = createHash('sha256');
    const total = state.broker.queues().reduce((sum, { depth }) => sum + depth, 0);
    const bar = new ProgressBar('exporting', quiet);
    let block = '';
    let messages = 0;
    const flush = async (): Promise<void> => {
      const bytes = Buffer.from(block);
      hash.update(bytes);
      block = '';
      await output.writeFile(bytes);
    };
    block += `${headLine(survey.identity?.broker ?? directory)}\n`;
    for (const live of state.broker.messages()) {
      const entry = await finder.read(live.position);
      if (entry === null) continue;
      block += `${messageLine(asImported(live, entryPayload(entry)))}\n`;
      messages++;
      if (block.length < blockBytes) continue;
      await flush();
      bar.update(messages, total);
    }
    await flush();
    await output.writeFile(`${endLine(messages, hash.digest('hex'))}\n`);
    await output.sync();
    bar.end();
    return messages;
  } finally {
    await finder.close();
    await output.close();
  }
}

function asImported(live: LiveMessage, record: Uint8Array): ImportedMessage {
  const { timestampMs, envelope, headerBlock, body, attributes } = readMessage(record, live);
  const { destination: queue, count, deadLetter } = live;
  return { queue, timestampMs, count, deadLetter, envelope, headerBlock, body, attributes };
}
