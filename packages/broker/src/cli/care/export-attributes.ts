import { noAttributes, priorityMax } from '@lockstep/core';
import type { MessageAttributes, MessageSchedule } from '@lockstep/core';

type Fields = Readonly<Record<string, unknown>>;

/** Those of the attributes that say anything, as an export has them. */
export function askedFor(attributes: MessageAttributes): Partial<MessageAttributes> {
  const names = Object.keys(noAttributes) as (keyof MessageAttributes)[];
  const said = names.filter((name) => attributes[name] !== noAttributes[name]);
  return Object.fromEntries(said.map((name) => [name, attributes[name]]));
}

function isNatural(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

const isAllowed: Readonly<Record<keyof MessageAttributes, (value: unknown) => boolean>> = {
  priority: (value) => isNatural(value) && (value as number) <= priorityMax,
  expiresAtMs: isNatural,
  ttlMs: (value) => value === 0,
  group: isText,
  groupSequence: (value) => Number.isSafeInteger(value) && Math.abs(value as number) <= 2 ** 31,
  duplicateId: isText,
  persistence: (value) => value === 'yes' || value === 'no',
  schedule: isSchedule,
};

function isSchedule(value: unknown): value is MessageSchedule {
  if (typeof value !== 'object' || value === null) return false;
  const { delayMs, periodMs, repeat, cron, ...others } = value as Fields;
  const numbers = [delayMs, periodMs, repeat];
  return numbers.every(isNatural) && isText(cron) && Object.keys(others).length === 0;
}

/** What `askedFor` said. Undefined: something in it is not what it should be. */
export function readAttributes(value: unknown): MessageAttributes | null | undefined {
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, one] of Object.entries(value)) {
    if (!Object.hasOwn(isAllowed, name) || !isAllowed[name as keyof MessageAttributes](one)) return undefined;
  }
  return { ...noAttributes, ...(value as Partial<MessageAttributes>) };
}
