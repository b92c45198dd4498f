import { Selector } from '@lockstep/core';
import { HeaderNameSet } from '../codec/index.ts';
import { ATTRIBUTE_HEADERS, readAttributes } from './attributes.ts';
import { shown, unsupported } from './fault.ts';
import { readSelector } from './selector.ts';
import type { MessageAttributes } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';

/**
 * Header lines of a SEND that are not kept with the message: they are about the frame alone, or MESSAGE says them in
 * the broker's own words.
 */
const NOT_STORED_NAMES = (
  'destination receipt transaction content-length persistent message-id subscription ack redelivered ' +
  'delivery-count timestamp dead-letter-reason original-destination'
).split(' ');

export const NOT_STORED: HeaderNameSet = new HeaderNameSet(NOT_STORED_NAMES, ['lockstep-']);

/** Likewise, of a SEND with attributes: MESSAGE says these as the broker has understood them. */
export const NOT_STORED_WITH_ATTRIBUTES: HeaderNameSet = new HeaderNameSet(
  [...NOT_STORED_NAMES, 'priority'],
  ['lockstep-'],
);

/** When such a header asks for something; in other words, when it may not be ignored. */
type Asks = (value: string) => boolean;

const always: Asks = () => true;
const unlessZero: Asks = (value) => !/^0*$/.test(value);
const whenTrue: Asks = (value) => value === 'true';
const ownTemporary: Asks = (value) => value.startsWith('/temp-');

/** To ignore one of these would break a promise (of order, of time, of being unique), so it is refused. */
const SEND_REFUSED = new Map<string, Asks>([
  ['expires', unlessZero],
  ['ttl', unlessZero],
  ['expiration', unlessZero],
  ['reply-to', ownTemporary],
  ['JMSXGroupID', always],
  ['AMQ_SCHEDULED_DELAY', unlessZero],
  ['AMQ_SCHEDULED_PERIOD', unlessZero],
  ['AMQ_SCHEDULED_REPEAT', unlessZero],
  ['AMQ_SCHEDULED_CRON', unlessZero],
]);

const SUBSCRIBE_REFUSED = new Map<string, Asks>([
  ['browser', whenTrue],
  ['activemq.noLocal', whenTrue],
  ['no-local', whenTrue],
  ['activemq.retroactive', whenTrue],
  ['activemq.subscriptionName', always],
  ['durable-subscription-name', always],
  ['ack-timeout', unlessZero],
  ['redelivery-delay', always],
  ['redelivery-backoff', always],
]);

/** RabbitMQ's queue arguments that Lockstep takes in; it knows no others. */
const QUEUE_ARGUMENTS_TAKEN = new Set(['x-priority', 'x-queue-type']);

const sendNames = new HeaderNameSet([...SEND_REFUSED.keys(), ...ATTRIBUTE_HEADERS]);

/** What a SEND asks for, or why it is refused. One pass over the bytes when there is nothing of the kind. */
export function readSendHeaders(frame: Frame): MessageAttributes | null | Fault {
  const { bytes, base, lines, hasBackslash } = frame.head;
  let suspect = hasBackslash;
  for (let i = 0; i < lines.length && !suspect; i += 3) {
    suspect = sendNames.hasBytes(bytes, base + lines[i]!, base + lines[i + 1]!);
  }
  return suspect ? (findRefused(frame, SEND_REFUSED) ?? readAttributes(frame)) : null;
}

/** What a SUBSCRIBE to the canonical `destination` asks for beyond this version, or null. */
export function refuseSubscribeHeaders(frame: Frame, destination: string): Fault | null {
  const refused = findRefused(frame, SUBSCRIBE_REFUSED) ?? refuseSelector(frame);
  if (refused !== null) return refused;
  for (const [name] of frame.headers()) {
    if (name.startsWith('x-') && !QUEUE_ARGUMENTS_TAKEN.has(name)) {
      return unsupported('SUBSCRIBE', `queue argument ${shown(name)}`, 'Lockstep takes x-priority and x-queue-type.');
    }
  }
  // On a queue RabbitMQ's clients say so by habit, and every queue is durable.
  if (destination.startsWith('/topic/') && frame.header('durable') === 'true') {
    return unsupported('SUBSCRIBE', 'header durable');
  }
  return null;
}

/** One that is wrong is told so already. */
function refuseSelector(frame: Frame): Fault | null {
  const selector = readSelector(frame);
  return selector instanceof Selector ? unsupported('SUBSCRIBE', 'header selector') : selector;
}

export function refuseUnsubscribeHeaders(frame: Frame): Fault | null {
  for (const name of ['activemq.subscriptionName', 'durable-subscription-name']) {
    if (frame.header(name) !== undefined) return unsupported('UNSUBSCRIBE', `header ${name}`);
  }
  return null;
}

function findRefused(frame: Frame, refused: ReadonlyMap<string, Asks>): Fault | null {
  for (const [name, value] of frame.headers()) {
    if (refused.get(name)?.(value) === true) return unsupported(frame.command, `header ${name}`);
  }
  return null;
}
