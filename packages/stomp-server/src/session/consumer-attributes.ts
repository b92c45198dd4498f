import { shown } from './fault.ts';
import type { ConsumerAttributes } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';

/** More than any message can count. */
const UNLIMITED = 2 ** 31;
const PRIORITY_MAX = 2 ** 31 - 1;

/** How a SUBSCRIBE to a queue wants to be served; null: as all others. */
export function readConsumerAttributes(frame: Frame): ConsumerAttributes | null | Fault {
  const priority = readPriority(frame);
  if (typeof priority !== 'number') return priority;
  const maxDeliveries = readMaxDeliveries(frame);
  if (maxDeliveries !== null && typeof maxDeliveries !== 'number') return maxDeliveries;
  const exclusive = frame.header('activemq.exclusive') === 'true';
  if (priority === 0 && !exclusive && maxDeliveries === null) return null;
  return { priority, exclusive, maxDeliveries };
}

/** ActiveMQ's header before RabbitMQ's. ActiveMQ has them from -127 to 127, RabbitMQ any. */
function readPriority(frame: Frame): number | Fault {
  for (const name of ['activemq.priority', 'x-priority']) {
    const value = frame.header(name);
    if (value === undefined) continue;
    const priority = /^ *[+-]?\d{1,10} *$/.test(value) ? Number(value) : NaN;
    if (Math.abs(priority) <= PRIORITY_MAX) return priority;
    return {
      message: `SUBSCRIBE: bad ${name}: ${shown(value)}`,
      hint: `${name} is a whole number; consumers with a higher one are served first, 0 is the default.`,
    };
  }
  return 0;
}

/** 0: no limit. */
function readMaxDeliveries(frame: Frame): number | null | Fault {
  const value = frame.header('max-deliveries');
  if (value === undefined) return null;
  if (/^ *\d{1,9} *$/.test(value)) return Number(value) || UNLIMITED;
  return {
    message: `SUBSCRIBE: bad max-deliveries: ${shown(value)}`,
    hint: 'max-deliveries is a number of deliveries, after which a message becomes a dead letter; 0 is no limit.',
  };
}
