import type { ConsumerFacts, DispatchFacts } from '@lockstep/core';

import { subscriptionOf } from './facts.ts';
import type { Facts } from './facts.ts';
import { bytesText, countText, spanText } from './wording.ts';

/** Of many, so many are named. */
const namedMax = 20;
/** What a mastership finds held when it begins was given before, and nobody knows when. */
const beginMs = 2000;

/** A client that has so much unsent does not read. */
export const slowBytes: number = 64 * 1024;

/** A consumer as a reason names it. */
export interface NamedConsumer {
  readonly node: string;
  readonly session: string | null;
  /** `host:port`. */
  readonly client: string | null;
  readonly messages: number;
  readonly bytes: number;
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** How long it has held what it has held for longest; null: it holds nothing. */
  readonly longestMs: number | null;
  /** At least so long: it had it when this master began. */
  readonly orLonger: boolean;
  readonly unsentBytes: number | null;
}

export function namedConsumer(facts: Facts, { sinceMs }: DispatchFacts, consumer: ConsumerFacts): NamedConsumer {
  const { node, messages, bytes, messagesMax, bytesMax, longestSinceMs } = consumer;
  const found = subscriptionOf(facts, node, consumer.consumer);
  return {
    node,
    session: found?.session ?? null,
    client: found?.client ?? null,
    ...{ messages, bytes, messagesMax, bytesMax },
    longestMs: longestSinceMs === null ? null : Math.max(0, facts.nowMs - longestSinceMs),
    orLonger: longestSinceMs !== null && longestSinceMs < sinceMs + beginMs,
    unsentBytes: found?.unsentBytes ?? null,
  };
}

/** Those that have held something for longest first; not more than people want to read. */
export function namedConsumers(
  facts: Facts,
  dispatch: DispatchFacts,
  consumers: readonly ConsumerFacts[],
): readonly NamedConsumer[] {
  const since = ({ longestSinceMs }: ConsumerFacts): number => longestSinceMs ?? Number.MAX_SAFE_INTEGER;
  const sorted = consumers.toSorted((one, other) => since(one) - since(other));
  return sorted.slice(0, namedMax).map((one) => namedConsumer(facts, dispatch, one));
}

/** `session x on node b (127.0.0.1:5000)`. */
export function whoText({ node, session, client }: Pick<NamedConsumer, 'node' | 'session' | 'client'>): string {
  const name = session === null ? 'a consumer' : `session ${session}`;
  return `${name} on node ${node}${client === null ? '' : ` (${client})`}`;
}

/** `2 messages, of at most 2, for 12 s`. */
export function holdingText(consumer: NamedConsumer): string {
  const { messages, messagesMax, bytes, bytesMax } = consumer;
  const limit =
    messages >= messagesMax || bytes < bytesMax
      ? `of at most ${messagesMax}`
      : `${bytesText(bytes)} of at most ${bytesText(bytesMax)}`;
  return `${countText(messages, 'message')}, ${limit}${sinceText(consumer)}`;
}

function sinceText({ longestMs, orLonger, messages }: NamedConsumer): string {
  if (longestMs === null) return '';
  const which = messages > 1 ? 'the oldest ' : '';
  return `, ${which}for ${spanText(longestMs)}${orLonger ? ' or longer' : ''}`;
}
