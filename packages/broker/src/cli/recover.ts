import { CorruptionError, NewerFormatError } from '@lockstep/raft-log';
import { becomeSoleMember, surveyData } from '@lockstep/raft-log/care';
import type { Survey } from '@lockstep/raft-log/care';
import { DiskError, silentLog } from '@lockstep/kernel';

import { lockDataDirectory } from '../ports/data-lock.ts';
import { NodeClock } from '../ports/node-clock.ts';
import { NodeDisk } from '../ports/node-disk.ts';
import { NodeRandom } from '../ports/node-random.ts';
import { refuseUnlessAtRest } from './care/data-at-rest.ts';
import { ProgressBar } from './care/progress-bar.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

export interface RecoverFlags {
  readonly soleMember?: boolean;
  readonly yes?: boolean;
}

/** A majority is gone for good: what this node has is all that there is. @throws CommandError */
export async function recover(data: string, flags: RecoverFlags): Promise<void> {
  if (flags.soleMember !== true) {
    throw new CommandError(exitCodes.usage, 'say `--sole-member`: the data becomes that of a broker of one');
  }
  const directory = await refuseUnlessAtRest(data);
  try {
    const survey = await lookOver(directory);
    for (const line of meaning(directory, survey)) console.log(line);
    const obstacle = whyNot(survey);
    if (obstacle !== null) throw new CommandError(exitCodes.failed, `${directory} was not changed: ${obstacle}`);
    if (flags.yes !== true) {
      const hint = 'if the others are gone for good, `--yes` does it; keep a copy of the directory';
      throw new CommandError(exitCodes.failed, `${directory} was not changed: ${hint}`);
    }
    const lock = await lockDataDirectory(directory);
    try {
      const ports = { disk: new NodeDisk(directory), clock: new NodeClock(), random: new NodeRandom(), log: silentLog };
      const clusterId = await becomeSoleMember(ports);
      console.log(
        `${directory} is a broker of one now, cluster ${clusterId}: start it, and \`lockstep members add\` empty nodes`,
      );
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (!(error instanceof DiskError || error instanceof CorruptionError || error instanceof NewerFormatError))
      throw error;
    throw new CommandError(exitCodes.failed, `${directory}: ${error.message}`, error);
  }
}

async function lookOver(directory: string): Promise<Survey> {
  const bar = new ProgressBar('checking', false);
  const survey = await surveyData(new NodeDisk(directory), bar.update);
  bar.end();
  return survey;
}

function whyNot({ identity, damages, snapshot }: Survey): string | null {
  if (identity?.state !== 'founded') return 'it is not the data of a member of a broker';
  const real = damages.filter(({ kind }) => kind !== 'torn');
  const [first] = real;
  if (first !== undefined) {
    return `${first.file} is damaged at byte ${first.offset}: ${first.detail}; \`lockstep verify\` names all of it, \`lockstep export --partial\` saves what is left`;
  }
  const witnesses = snapshot?.configuration?.configuration.witnesses ?? identity.witnesses ?? [];
  return witnesses.includes(identity.node) ? 'this node is a witness: it has no messages' : null;
}

/** What it does, and what may be lost by it. */
function meaning(directory: string, { identity, members, snapshot, log, hardState }: Survey): readonly string[] {
  if (identity === null) return [];
  const others = (members ?? []).filter((id) => id !== identity.node);
  const last = Math.max(snapshot?.index ?? 0, log.lastIndex);
  const lines = [
    `${directory}: node ${identity.node} of broker ${identity.broker}, cluster ${identity.clusterId}; its log ends at entry ${last}`,
    `  lost: what ${others.join(', ') || 'others'} had acknowledged beyond entry ${last} without this node`,
    `  taken in: all that this node has up to entry ${last}, also what was never acknowledged to anybody, so that a message may be there whose sender was told nothing`,
    `  given up: ${others.join(', ') || 'no other member'}; their data is of no use to this broker any more, and they must start empty`,
  ];
  if (hardState?.standing === 'abstaining') {
    lines.push(
      '  careful: this node had no vote, since its disk was empty or damaged and it had not caught up: another member may have much more',
    );
  }
  return lines;
}
