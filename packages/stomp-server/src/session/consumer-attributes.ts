import { noConsumerAttributes } from '@lockstep/core';
import { shown } from './fault.ts';
import type { ConsumerAttributes } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';

const PRIORITY_MAX = 2 ** 31 - 1;

/** How a SUBSCRIBE to a queue wants to be served; null: as all others. */
export function readConsumerAttributes(frame: Frame): ConsumerAttributes | null | Fault {
  const priority = readPriority(frame);
  if (typeof priority !== 'number') return priority;
  const exclusive = frame.header('activemq.exclusive') === 'true';
  return priority === 0 && !exclusive ? null : { ...noConsumerAttributes, priority, exclusive };
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
