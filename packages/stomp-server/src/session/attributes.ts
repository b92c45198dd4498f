import { noAttributes, priorityMax } from '@lockstep/core';
import { shown } from './fault.ts';
import type { MessageAttributes } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';

/** Lockstep's own, and that of Artemis. */
const DUPLICATE_ID_HEADERS = ['duplicate-id', '_AMQ_DUPL_ID'];
/** They are remembered for long. */
const DUPLICATE_ID_BYTES_MAX = 255;

/** Header lines of a SEND that say what is to become of the message. */
export const ATTRIBUTE_HEADERS: readonly string[] = ['priority', ...DUPLICATE_ID_HEADERS];

/** What the SEND asks the broker for; null: nothing. One that can't be read is refused, since whoever writes it relies on it. */
export function readAttributes(frame: Frame): MessageAttributes | null | Fault {
  const priority = readPriority(frame);
  if (priority !== null && typeof priority !== 'number') return priority;
  const duplicateId = readDuplicateId(frame);
  if (typeof duplicateId !== 'string') return duplicateId;
  if (priority === null && duplicateId === '') return null;
  return { ...noAttributes, priority, duplicateId, persistence: readPersistence(frame) };
}

/** Over 9 counts as 9, below 0 as 0 (as with ActiveMQ and RabbitMQ). */
function readPriority(frame: Frame): number | null | Fault {
  const value = frame.header('priority');
  if (value === undefined) return null;
  if (/^ *[+-]?\d{1,15} *$/.test(value)) return Math.min(priorityMax, Math.max(0, Number(value)));
  return {
    message: `SEND: bad priority: ${shown(value)}`,
    hint: 'priority is a number from 0 to 9, the highest first.',
  };
}

function readDuplicateId(frame: Frame): string | Fault {
  for (const name of DUPLICATE_ID_HEADERS) {
    const value = frame.header(name);
    if (value === undefined || value === '') continue;
    if (Buffer.byteLength(value) <= DUPLICATE_ID_BYTES_MAX) return value;
    return { message: `SEND: ${name} longer than ${DUPLICATE_ID_BYTES_MAX} bytes: ${shown(value)}` };
  }
  return '';
}

function readPersistence(frame: Frame): MessageAttributes['persistence'] {
  const value = frame.header('persistent');
  if (value === undefined) return 'unsaid';
  return value === 'false' ? 'no' : 'yes';
}
