import { inspectCommand } from '@lockstep/core';
import type { LiveMessage } from '@lockstep/core';
import { suspectPayload } from '@lockstep/raft-log/care';
import type { Damage, ReadableDisk, Survey } from '@lockstep/raft-log/care';

import type { OfflineState } from './offline-state.ts';

/** A message that is lost by a damage. */
export interface LostMessage {
  readonly id: string;
  /** Null: it can't be told. */
  readonly queue: string | null;
}

/** A damage, and what it comes to. */
export interface Judged extends Damage {
  /** `harmless`: nothing that counts is lost. `lost`: something is, or may be. `fatal`: the state can't be had without it. */
  readonly weight: 'harmless' | 'lost' | 'fatal';
  /** For people. */
  readonly means: string;
  readonly messages: readonly LostMessage[];
}

const namedMax = 1000;

/** What each damage of a survey means for the messages. */
export async function judge(disk: ReadableDisk, survey: Survey, state: OfflineState): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  for (const damage of survey.damages) judged.push({ ...damage, ...(await meaningOf(disk, damage, survey, state)) });
  const named = new Set(judged.flatMap(({ messages }) => messages.map(({ id }) => id)));
  for (const live of state.bodiless) if (!named.has(String(live.position))) judged.push(withoutRecord(live));
  return judged;
}

/** The state refers to a record that is in no file, and no damage says where it was. */
function withoutRecord({ position, destination }: LiveMessage): Judged {
  const entries = { from: position, to: position };
  const damage = { file: 'records', offset: 0, bytes: 0, kind: 'missing', entries } as const;
  const detail = `the record of entry ${position} is in no file, or damaged`;
  return { ...damage, detail, ...lostMessages([{ id: String(position), queue: destination }]) };
}

/** Of a record that the snapshot covers, or the record store held: what the state still refers to is lost, unless another file holds it. */
function storedMeaning({ from, to }: NonNullable<Damage['entries']>, { bodiless }: OfflineState): Meaning {
  const messages = bodiless
    .filter(({ position }) => position >= from && position <= to)
    .map(({ position, destination }) => ({ id: String(position), queue: destination }));
  if (messages.length > 0) return lostMessages(messages);
  return meaning('harmless', 'damaged dead record: no message needs it, or another file holds it too');
}

function lostMessages(messages: readonly LostMessage[]): Meaning {
  const first = messages[0]!;
  const which =
    messages.length === 1
      ? `message ${first.id} of ${first.queue} is lost`
      : `${messages.length} messages are lost, ${first.id} of ${first.queue} the first of them`;
  return meaning('lost', `damaged live record: ${which}`, messages.slice(0, namedMax));
}

type Meaning = Pick<Judged, 'weight' | 'means' | 'messages'>;

function meaning(weight: Judged['weight'], means: string, messages: readonly LostMessage[] = []): Meaning {
  return { weight, means, messages };
}

async function meaningOf(disk: ReadableDisk, damage: Damage, survey: Survey, state: OfflineState): Promise<Meaning> {
  switch (damage.kind) {
    case 'torn':
      return meaning('harmless', 'torn tail: nothing that was acknowledged stood there; the next start cuts it off');
    case 'frame':
      return meaning('harmless', 'no record is lost by it');
    case 'index':
      return meaning('harmless', 'damaged table: the next start makes it anew from the records');
    case 'votes':
      return meaning('fatal', 'votes: the node no longer knows for whom it voted, and must not vote');
    case 'identity':
      return meaning('fatal', 'identity: it no longer says to which cluster this node belongs');
    case 'snapshot':
      return meaning('fatal', 'snapshot: the messages from before it can be told from acknowledged ones no more');
    case 'newer':
      return meaning('fatal', 'use the newer program');
    case 'segment':
      return meaning('lost', 'its records are looked at all the same');
    case 'missing':
      return meaning('fatal', 'it was removed, or never came back from a repair of the file system');
    case 'record':
      return recordMeaning(disk, damage, survey, state);
  }
}

async function recordMeaning(
  disk: ReadableDisk,
  damage: Damage,
  survey: Survey,
  state: OfflineState,
): Promise<Meaning> {
  const { entries, bytes } = damage;
  const below = entries !== null && entries.to < survey.log.firstIndex;
  if (below) return storedMeaning(entries, state);
  if (entries === null && survey.stored.some(({ path }) => path === damage.file)) {
    return meaning('harmless', 'what of it messages still need is named by itself');
  }
  if (entries === null) {
    const last = bytes === 0 || damage.offset >= (await sizeOf(disk, damage.file)) || isAtEnd(damage, survey);
    return last
      ? meaning('lost', 'the last entries of the log: whatever they were is lost')
      : meaning('harmless', 'damaged dead record: a later write has replaced what stood there');
  }
  const open: number[] = [];
  for (let index = entries.from; index <= entries.to && open.length < namedMax; index++) {
    if (!state.settled.has(index)) open.push(index);
  }
  if (open.length === 0) {
    return meaning('harmless', `damaged dead record: ${entriesText(entries)}, settled since`);
  }
  const guess = entries.from === entries.to ? await guessAt(disk, damage) : null;
  if (guess !== null && guess.kind !== 'message' && guess.kind !== 'part') {
    const what =
      guess.kind === 'settlement' ? 'acknowledgements: those messages come again' : `an entry of kind ${guess.kind}`;
    return meaning('lost', `damaged live record: entry ${entries.from}, by what can be read of it ${what}`);
  }
  const messages = open.map((index) => ({ id: String(index), queue: guess?.queue ?? null }));
  const where = guess?.queue === undefined || guess.queue === null ? '' : ` of ${guess.queue}`;
  const which =
    open.length === 1
      ? `message ${open[0]}${where} is lost, unless entry ${open[0]} was none`
      : `${entriesText(entries)} are lost: the messages with these ids, and acknowledgements among them`;
  return meaning('lost', `damaged live record: ${which}`, messages);
}

function entriesText({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `entry ${from}` : `entries ${from} to ${to}`;
}

/** No intact record stands behind it. */
function isAtEnd({ file, offset }: Damage, { records, paths }: Survey): boolean {
  const last = records.count - 1;
  if (last < 0) return true;
  const at = paths.indexOf(file);
  return at > records.file(last) || (at === records.file(last) && offset >= records.offset(last));
}

async function sizeOf(disk: ReadableDisk, path: string): Promise<number> {
  const file = await disk.open(path, 'read');
  const size = await file.size();
  await file.close();
  return size;
}

/** What the damaged bytes seem to hold; right unless just that part of them is damaged. */
async function guessAt(
  disk: ReadableDisk,
  { file, offset, bytes }: Damage,
): Promise<ReturnType<typeof inspectCommand>> {
  const record = await suspectPayload(disk, file, offset, bytes);
  return record === null ? null : inspectCommand(record);
}
