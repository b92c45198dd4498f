import { CommandError, exitCodes } from '../exit-codes.ts';
import { lookAt } from './data-at-rest.ts';
import type { DataAtRest } from './data-at-rest.ts';
import type { Judged } from './judge.ts';
import { bytesText, countText } from './texts.ts';

export interface VerifyFlags {
  readonly json?: boolean;
}

interface Depth {
  readonly messages: number;
  readonly queues: number;
}

function depthOf({ state }: DataAtRest): Depth {
  const queues = state.broker.queues();
  return { messages: queues.reduce((sum, { depth }) => sum + depth, 0), queues: queues.length };
}

/** Intact ones; what stands in two files counts twice. */
function recordsIn({ survey }: DataAtRest): number {
  return survey.stored.reduce((sum, { table }) => sum + table.count, survey.records.count);
}

/** What to do about it. */
function advice({ survey }: DataAtRest, damages: readonly Judged[]): string {
  if (damages.every(({ kind }) => kind === 'torn')) return 'nothing to be done: the next start takes care of it';
  if (survey.alone) {
    return '`lockstep repair` says what can be kept, and does it; `lockstep export --partial` saves what can be read';
  }
  return (
    'this node is one of several: start it, and what it can repair it repairs from the others; if it refuses, ' +
    'move this directory away and start it empty, and it fetches everything from them'
  );
}

/** For people: where, what, and what it comes to. */
export function lineOf({ file, offset, kind, detail, means }: Judged): string {
  const place = kind === 'missing' || kind === 'newer' ? file : `${file}, byte ${offset}`;
  return `${place}: ${detail}\n  ${means}`;
}

/** Sets exit code 1 when anything but a torn tail is damaged. @throws CommandError */
export async function verify(data: string, flags: VerifyFlags): Promise<void> {
  const found = await lookAt(data, flags.json === true);
  const { survey, state, damages, directory } = found;
  const depth = depthOf(found);
  const ok = damages.every(({ kind }) => kind === 'torn');
  if (flags.json === true) {
    const { identity, files, bytes, snapshot } = survey;
    const { broker, node, clusterId } = identity ?? {};
    const who = { broker: broker ?? null, node: node ?? null, cluster: clusterId ?? null, members: survey.members };
    const held = { snapshot: snapshot?.index ?? null, last: survey.log.lastIndex, ...depth };
    console.log(
      JSON.stringify({ data: directory, ok, ...who, files, bytes, records: recordsIn(found), ...held, damages }),
    );
  } else {
    for (const damage of damages) console.log(lineOf(damage));
    const size = `${countText(survey.files, 'file')}, ${bytesText(survey.bytes)}, ${countText(recordsIn(found), 'record')}`;
    const live = state.rootless
      ? 'how many messages there are is not known'
      : `${countText(depth.messages, 'live message')} in ${countText(depth.queues, 'queue')}`;
    const verdict = damages.length === 0 ? 'no damage' : `${countText(damages.length, 'damage')}`;
    console.log(`${directory}: ${size}; ${live}; ${verdict}`);
    if (damages.length > 0) console.log(advice(found, damages));
  }
  if (!ok) throw new CommandError(exitCodes.failed, `${directory} is damaged`);
}
