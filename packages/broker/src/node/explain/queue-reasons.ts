import type { ConsumerFacts, DispatchFacts, QueueFacts } from '@lockstep/core';

import { holdingText, namedConsumer, namedConsumers, slowBytes, whoText } from './consumer-text.ts';
import type { NamedConsumer } from './consumer-text.ts';
import type { Facts } from './facts.ts';
import type { Reason } from './types.ts';
import { bytesText, countText, listText, spanText } from './wording.ts';

/** One line: how the queue stands. */
export function queueSummary({ depth, bytes, dispatch }: QueueFacts): string {
  const size = depth === 0 ? 'no messages' : `${countText(depth, 'message')} (${bytesText(bytes)})`;
  if (dispatch === null) return size;
  const { ready, consumers, awaited } = dispatch;
  const there = consumers.length === 0 ? 'no consumers' : countText(consumers.length, 'consumer');
  if (awaited.length > 0) return `${size}; ${there}, as far as is known already`;
  const parts = depth === 0 ? [size] : [size, `${ready} ready`, `${depth - ready} with consumers or being settled`];
  return `${parts.join(', ')}; ${there}`;
}

/** Why the queue's messages move or do not, as the master sees it. `nearest`: a queue that has nearly that name. */
export function queueReasons(queue: QueueFacts, facts: Facts, nearest: string | null): readonly Reason[] {
  const { dispatch } = queue;
  if (dispatch === null) return [];
  const reasons = [
    ...awaitedReason(queue, dispatch, facts),
    ...slowReasons(dispatch, facts),
    ...waitingReasons(queue, dispatch, facts, nearest),
    ...exclusiveReason(dispatch, facts),
    ...awayReasons(dispatch, facts),
    ...joiningReason(dispatch),
    ...heldReasons(queue, dispatch, facts),
    ...unreadableReason(dispatch),
  ];
  return reasons.length > 0 ? reasons : [idleReason(queue, dispatch)];
}

function waitText(messages: number): string {
  return `${countText(messages, 'message')} ${messages === 1 ? 'waits' : 'wait'}`;
}

function inState(dispatch: DispatchFacts, state: ConsumerFacts['state']): readonly ConsumerFacts[] {
  return dispatch.consumers.filter((one) => one.state === state);
}

function awaitedReason({ name }: QueueFacts, { awaited }: DispatchFacts, facts: Facts): readonly Reason[] {
  if (awaited.length === 0) return [];
  const nodes = awaited.map((node) => ({ node, leaseLeftMs: facts.leaseLeftMs(node) }));
  const lefts = nodes.flatMap(({ leaseLeftMs }) => (leaseLeftMs === null ? [] : [leaseLeftMs]));
  const latest = lefts.length === 0 ? '' : `, at the latest in ${spanText(Math.max(...lefts))}, when the lease is over`;
  const who = awaited.length === 1 ? `node ${awaited[0]}` : `nodes ${listText(awaited)}`;
  const until = awaited.length === 1 ? 'that node has' : 'those nodes have';
  const text = `the master is new, and clients of ${who} may hold messages of ${name}: nothing of it is handed out before ${until} said so${latest}. Then it goes on by itself; to have it sooner, look after ${who}`;
  return [{ code: 'queue-waits', text, nodes }];
}

/** Messages are ready: why does nobody get them? */
function waitingReasons(
  queue: QueueFacts,
  dispatch: DispatchFacts,
  facts: Facts,
  nearest: string | null,
): readonly Reason[] {
  const { name, known } = queue;
  const { ready, consumers, awaited } = dispatch;
  // Consumers of those nodes may be about to come.
  if (consumers.length === 0 && awaited.length > 0) return [];
  if (consumers.length === 0 && queue.depth === 0 && !known) {
    const hint = nearest === null ? 'check the name' : `did you mean ${nearest}?`;
    const text = `nothing is known of ${name}: no message is in it, and nobody has subscribed to it; ${hint}`;
    return [{ code: 'unknown-destination', text, nearest }];
  }
  if (ready === 0) return [];
  if (consumers.length === 0) {
    const text = `${waitText(ready)}, and nobody has subscribed to ${name}: start a consumer`;
    return [{ code: 'no-consumer', text, ready }];
  }
  const served = inState(dispatch, 'served');
  if (served.length === 0 || served.some(({ isFull }) => !isFull)) return [];
  const named = namedConsumers(facts, dispatch, served);
  const only = consumers.length === 1 ? 'its only consumer' : 'the only consumer that may get them';
  const who =
    served.length === 1
      ? `${only}, ${whoText(named[0]!)}, holds`
      : `each of its ${served.length} consumers has as many unacknowledged ones as it may: for longest ${whoText(named[0]!)}, with`;
  const text = `${waitText(ready)}: ${who} ${holdingText(named[0]!)}. It must acknowledge what it has, or subscribe with a larger prefetch-count; if it hangs, end it, and what it holds goes to others`;
  return [{ code: 'windows-full', text, ready, count: served.length, consumers: named }];
}

/** One has the queue alone, and others could take what it does not. */
function exclusiveReason(dispatch: DispatchFacts, facts: Facts): readonly Reason[] {
  const exclusive = dispatch.consumers.find((one) => one.exclusive);
  const standby = inState(dispatch, 'standby').length;
  if (exclusive === undefined || standby === 0 || dispatch.ready === 0) return [];
  const { node, session, client } = namedConsumer(facts, dispatch, exclusive);
  const others = `${countText(standby, 'other consumer')} ${standby === 1 ? 'stands' : 'stand'} by`;
  const text = `${whoText({ node, session, client })} has the queue alone (activemq.exclusive): ${others}, and would get messages if it left`;
  return [{ code: 'exclusive', text, node, session, client, standby }];
}

function awayReasons(dispatch: DispatchFacts, facts: Facts): readonly Reason[] {
  const away = inState(dispatch, 'away');
  return [...new Set(away.map(({ node }) => node))].map((node) => {
    const consumers = away.filter((one) => one.node === node);
    const held = consumers.reduce((sum, { messages }) => sum + messages, 0);
    const leaseLeftMs = facts.leaseLeftMs(node);
    const until = leaseLeftMs === null ? '' : `; what they hold goes to others in ${spanText(leaseLeftMs)}`;
    const what = `${countText(consumers.length, 'consumer')} (with ${countText(held, 'unacknowledged message')})`;
    const text = `node ${node} is away: its ${what} can be given nothing${until}. Start the node, or mend the network between it and the master`;
    return { code: 'node-away', text, node, count: consumers.length, messages: held, leaseLeftMs };
  });
}

function joiningReason(dispatch: DispatchFacts): readonly Reason[] {
  const joining = inState(dispatch, 'joining');
  if (joining.length === 0) return [];
  const text = `${countText(joining.length, 'consumer')} came just now, and gets messages once a majority of the members has noted where it is: that is a matter of milliseconds, unless a disk is slow`;
  return [{ code: 'consumer-joining', text, count: joining.length }];
}

/** Nothing is ready: all is with consumers, or on its way out. */
function heldReasons({ depth }: QueueFacts, dispatch: DispatchFacts, facts: Facts): readonly Reason[] {
  const { ready, settling, consumers } = dispatch;
  if (depth === 0 || ready > 0) return [];
  const holding = consumers.filter(({ messages }) => messages > 0);
  const held = holding.reduce((sum, { messages }) => sum + messages, 0);
  const reasons: Reason[] = [];
  if (held > 0) {
    const named = namedConsumers(facts, dispatch, holding);
    const text = `nothing is left to hand out: ${countText(held, 'message')} ${held === 1 ? 'is' : 'are'} with ${countText(holding.length, 'consumer')} and not acknowledged yet: ${oldestText(named[0]!, holding.length)}. If it hangs, end it: what it holds goes to others`;
    reasons.push({ code: 'all-held', text, messages: held, count: holding.length, consumers: named });
  }
  if (settling > 0) {
    const text = `${countText(settling, 'message')} ${settling === 1 ? 'has' : 'have'} been acknowledged, and the acknowledgement is on its way to a majority of the members' disks`;
    reasons.push({ code: 'settling', text, messages: settling });
  }
  return reasons;
}

function oldestText(consumer: NamedConsumer, count: number): string {
  return `${count === 1 ? '' : 'for longest '}${whoText(consumer)} holds ${holdingText(consumer)}`;
}

function unreadableReason({ setAside }: DispatchFacts): readonly Reason[] {
  if (setAside === 0) return [];
  const text = `${countText(setAside, 'message')} could not be read from the disk, and nobody gets ${setAside === 1 ? 'it' : 'them'} until there is a new master: the nodes' logs name ${setAside === 1 ? 'it' : 'them'} ("can't be read"); check the disks, then \`lockstep transfer\` tries anew`;
  return [{ code: 'unreadable', text, messages: setAside }];
}

function slowReasons({ consumers }: DispatchFacts, facts: Facts): readonly Reason[] {
  const keys = new Set(consumers.map(({ node, consumer }) => `${node} ${consumer}`));
  return facts.nodes.flatMap(({ node, subscriptions }) =>
    subscriptions
      .filter(({ consumer, unsentBytes }) => unsentBytes >= slowBytes && keys.has(`${node} ${consumer}`))
      .map(({ session, client, unsentBytes }) => {
        const text = `${whoText({ node, session, client })} does not read what it is sent: ${bytesText(unsentBytes)} wait at its connection. Look at that client, or at the network to it`;
        return { code: 'slow-socket', text, node, session, client, unsentBytes } as const;
      }),
  );
}

function idleReason({ name, depth }: QueueFacts, { ready, consumers }: DispatchFacts): Reason {
  const there = countText(consumers.length, 'consumer');
  if (depth > 0) {
    const text = `nothing is in the way: ${countText(ready, 'message')} ${ready === 1 ? 'is' : 'are'} about to go to ${there}. Ask again to see whether they do`;
    return { code: 'moving', text, ready };
  }
  const waiting = consumers.length === 0 ? 'nobody has subscribed to it now' : `${there} would get what comes`;
  return { code: 'empty', text: `${name} is empty: all that was sent to it has been settled; ${waiting}` };
}
