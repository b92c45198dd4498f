import { assert, AssertionError, decodeText, encodeText } from '@lockstep/kernel';
import { noAttributes, priorityMax } from '../attributes.ts';
import type { MessageAttributes, MessageSchedule } from '../attributes.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** The first byte says which fields follow, in this order. */
const field = { priority: 1, expires: 2, group: 4, duplicateId: 8, persistence: 16, schedule: 32 } as const;
const allFields = 63;
/** Of all fields, the texts left out. */
const fieldBytesMax = 80;

/** What `writeAttributes` may write at most. `ttlMs` is 0. */
export function attributesBytesMax(attributes: MessageAttributes | null): number {
  if (attributes === null) return 1;
  const { group, duplicateId, schedule } = attributes;
  return fieldBytesMax + 3 * (group.length + duplicateId.length + (schedule?.cron.length ?? 0));
}

/** One byte where there are none. */
export function writeAttributes(out: ByteWriter, attributes: MessageAttributes | null): void {
  if (attributes === null) out.byte(0);
  else writeFields(out, attributes);
}

function writeFields(out: ByteWriter, attributes: MessageAttributes): void {
  const { priority, expiresAtMs, ttlMs, group, groupSequence, duplicateId, persistence, schedule } = attributes;
  assert(ttlMs === 0, 'a message that is written has its time of expiry');
  const hasGroup = group !== '' || groupSequence !== 0;
  out.byte(
    (priority === null ? 0 : field.priority) |
      (expiresAtMs === 0 ? 0 : field.expires) |
      (hasGroup ? field.group : 0) |
      (duplicateId === '' ? 0 : field.duplicateId) |
      (persistence === 'unsaid' ? 0 : field.persistence) |
      (schedule === null ? 0 : field.schedule),
  );
  if (priority !== null) out.byte(priority);
  if (expiresAtMs !== 0) out.number(expiresAtMs);
  if (hasGroup) {
    out.prefixed(encodeText(group));
    out.signed(groupSequence);
  }
  if (duplicateId !== '') out.prefixed(encodeText(duplicateId));
  if (persistence !== 'unsaid') out.byte(persistence === 'yes' ? 1 : 0);
  if (schedule === null) return;
  out.number(schedule.delayMs);
  out.number(schedule.periodMs);
  out.number(schedule.repeat);
  out.prefixed(encodeText(schedule.cron));
}

/** What `writeAttributes` wrote; null also where nothing was asked for. */
export function readAttributes(input: ByteReader): MessageAttributes | null {
  const flags = input.byte();
  return flags === 0 ? null : readFields(input, flags);
}

function readFields(input: ByteReader, flags: number): MessageAttributes {
  assert(flags <= allFields, `a message has the unknown attributes ${flags}`);
  const has = (one: number): boolean => (flags & one) !== 0;
  const text = (): string => decodeText(input.prefixed());
  const priority = has(field.priority) ? input.byte() : null;
  assert(priority === null || priority <= priorityMax, `a message has the priority ${priority}`);
  return {
    priority,
    expiresAtMs: has(field.expires) ? input.number() : 0,
    ttlMs: 0,
    group: has(field.group) ? text() : '',
    groupSequence: has(field.group) ? input.signed() : 0,
    duplicateId: has(field.duplicateId) ? text() : '',
    persistence: has(field.persistence) ? (input.byte() === 1 ? 'yes' : 'no') : 'unsaid',
    schedule: has(field.schedule) ? readSchedule(input) : null,
  };
}

function readSchedule(input: ByteReader): MessageSchedule {
  const [delayMs, periodMs, repeat] = [input.number(), input.number(), input.number()];
  return { delayMs, periodMs, repeat, cron: decodeText(input.prefixed()) };
}

/** Attributes by themselves; empty where there are none. `ttlMs` is kept by nobody, so it is 0. */
export function encodeAttributes(attributes: MessageAttributes | null): Uint8Array {
  const out = new ByteWriter(0);
  if (attributes !== null) writeFields(out, attributes);
  return out.view(0, out.length);
}

/** What `encodeAttributes` wrote; undefined for other bytes, wherever they come from. */
export function decodeAttributes(bytes: Uint8Array): MessageAttributes | null | undefined {
  if (bytes.length === 0) return null;
  const input = new ByteReader();
  input.start(bytes);
  try {
    const attributes = readAttributes(input) ?? noAttributes;
    return input.at === input.end ? attributes : undefined;
  } catch (error) {
    if (error instanceof AssertionError) return undefined;
    throw error;
  }
}
