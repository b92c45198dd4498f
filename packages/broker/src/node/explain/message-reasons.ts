import type { DispatchFacts, HolderFacts, MessageFacts } from '@lockstep/core';

import { namedConsumer, whoText } from './consumer-text.ts';
import type { Facts } from './facts.ts';
import type { Reason } from './types.ts';
import { bytesText, countText, spanText } from './wording.ts';

const why: Readonly<Record<string, string>> = {
  'max-deliveries': 'it was given back as often as maxDeliveries allows',
  rejected: 'a consumer rejected it (NACK with action dead-letter, or requeue:false)',
};

export function messageSummary({ destination, size, count, holder }: MessageFacts): string {
  const who = holder?.state === 'ready' ? 'waits, with nobody, ' : '';
  return `${who}in ${destination}, ${bytesText(size)}, ${count === 0 ? 'no delivery' : countText(count, 'delivery', 'deliveries')} counted`;
}

/** A topic message has no place where it could wait. */
export function notStored(id: string): Reason {
  const text = `${id} is a topic message that nobody stores: it went to those who subscribed then, and is not kept. Ask about the topic itself`;
  return { code: 'not-stored', text };
}

/** There is no such message. `newest`: the highest position so far. */
export function unknownMessage(id: number, newest: number): Reason {
  const text =
    id > newest
      ? `there has been no message ${id}: the highest id so far is at most ${newest}`
      : `no message ${id} is there: it was acknowledged, discarded or removed, or there never was one of that id`;
  return { code: 'unknown-message', text, newest };
}

/** Why that message does not move; the reasons of its queue come behind. `dispatch` of its queue; null: not known here. */
export function messageReasons(message: MessageFacts, dispatch: DispatchFacts | null, facts: Facts): readonly Reason[] {
  const reasons: Reason[] = [];
  const { deadLetter, destination, count, holder } = message;
  if (deadLetter !== null) {
    const { reason, originalDestination } = deadLetter;
    const text = `it is a dead letter, from ${originalDestination}: ${why[reason] ?? reason}. A dead letter never moves by itself: consume ${destination}`;
    reasons.push({ code: 'dead-letter', text, reason, originalDestination, deliveries: count });
  }
  if (holder !== null && dispatch !== null) reasons.push(...holderReasons(holder, dispatch, facts));
  return reasons;
}

function holderReasons({ state, consumer, sinceMs }: HolderFacts, dispatch: DispatchFacts, facts: Facts): Reason[] {
  const found = consumer === null ? null : namedConsumer(facts, dispatch, consumer);
  switch (state) {
    case 'ready':
      return [];
    case 'set-aside': {
      const text =
        'it could not be read from the disk, and nobody gets it until there is a new master: the log of the node that tried says why; check the disks, then `lockstep transfer` tries anew';
      return [{ code: 'unreadable', text, messages: 1 }];
    }
    case 'settling': {
      const who = found === null ? 'a client' : whoText(found);
      const text = `${who} has acknowledged it or given it back, and that is on its way to a majority of the members' disks`;
      return [{ code: 'settling', text, messages: 1, consumer: found }];
    }
    case 'held': {
      const forMs = sinceMs === null ? null : Math.max(0, facts.nowMs - sinceMs);
      const since = forMs === null ? '' : ` for ${spanText(forMs)}`;
      const who = found === null ? 'a consumer' : whoText(found);
      const advice =
        consumer?.state === 'away'
          ? awayText(consumer.node, facts)
          : 'It must acknowledge it or give it back; if it hangs, end it, and the message goes to another';
      return [{ code: 'held', text: `${who} has held it${since}. ${advice}`, forMs, consumer: found }];
    }
  }
}

function awayText(node: string, facts: Facts): string {
  const left = facts.leaseLeftMs(node);
  const until = left === null ? '' : ` in ${spanText(left)}, when the node's lease is over`;
  return `Node ${node} is away: the message goes to another${until}`;
}
