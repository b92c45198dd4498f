import { defaultBrokerOptions } from '@lockstep/core';
import type { z } from 'zod';

import { DestinationPattern } from '../security/destination-pattern.ts';
import { duration, leaf, oneOf, text, textOrNumber } from './leaves.ts';
import { section } from './section.ts';

export const patternAllowed =
  "'>' for all destinations, or a pattern as /queue/orders.> or /topic/*.prices; * is one level, > the rest";

/** A pattern of destinations, as it was written. */
export function pattern(description: string): z.ZodType<string> {
  return leaf(text(patternAllowed), patternAllowed, description, (given) =>
    DestinationPattern.parse(String(given)) === undefined ? undefined : String(given),
  );
}

/** `zero`: what 0 says. */
function wholeNumber(zero: string, description: string): z.ZodType<number> {
  const allowed = `a whole number; 0 for ${zero}`;
  return leaf(textOrNumber(allowed), allowed, description, (given) =>
    /^\d{1,9}$/.test(String(given)) ? Number(given) : undefined,
  );
}

const queueAllowed = 'a queue, as /queue/NAME; a bare NAME is /queue/NAME';

function queue(description: string): z.ZodType<string> {
  return leaf(text(queueAllowed), queueAllowed, description, (given) => {
    const named = /^(?:\/queue\/)?([^/\s,*>][^\s,*>]{0,200})$/.exec(String(given));
    return named === null ? undefined : `/queue/${named[1]}`;
  });
}

export const destination: z.ZodObject = section('', {
  match: pattern('The destinations that it is about.'),
  maxDeliveries: wholeNumber(
    'no limit',
    'Counted deliveries of a message (NACKs; of a lost connection the oldest message alone) after which it is a dead letter. A SUBSCRIBE may say otherwise for what it gives back (`max-deliveries`).',
  ).prefault(defaultBrokerOptions.maxDeliveries),
  deadLetter: oneOf(
    ['shared', 'individual', 'none'],
    'Where dead letters go: all to `deadLetterQueue`; those of each queue to `/queue/DLQ.` and its name; nowhere, they are dropped. A dead letter never moves again by itself.',
  ).prefault('shared'),
  deadLetterQueue: queue('Where dead letters go, if they go to one queue.').prefault(
    defaultBrokerOptions.deadLetterQueue,
  ),
});

export interface DuplicateValues {
  readonly ids: number;
  readonly age: number;
}

export const duplicates: z.ZodObject = section(
  'How far back the broker looks for the id that a SEND to a queue bears (`duplicate-id`): one that was there before gets its receipt, and nothing else happens. The values of the master count.',
  {
    ids: wholeNumber(
      'none: every message counts as new',
      'Ids that are remembered, those of all queues together: the last ones that were sent. Each takes some 200 bytes of memory.',
    ).prefault(defaultBrokerOptions.duplicateIdsMax),
    age: duration('1s', 'An id that was sent longer ago is as good as new.').prefault(
      defaultBrokerOptions.duplicateAgeMs,
    ),
  },
);
