import { slowBytes, whoText } from './consumer-text.ts';
import type { Facts } from './facts.ts';
import type { NodeSubscription, NodeView, Reason } from './types.ts';
import { bytesText, countText, spanText } from './wording.ts';

/** Of many, so many are named. */
const namedMax = 20;

/** A node that is so many entries behind is not just busy. */
const behindMin = 1000;

interface Subscriber extends NodeSubscription {
  readonly node: string;
}

function subscribersOf({ nodes }: Facts): readonly Subscriber[] {
  return nodes.flatMap(({ node, subscriptions }) => subscriptions.map((one) => ({ ...one, node })));
}

/** `where`: how far `facts` reach, as ` on this node`. */
export function topicSummary(facts: Facts, where: string): string {
  const subscribers = subscribersOf(facts);
  if (subscribers.length === 0) return `no subscribers${where}`;
  const total = facts.nodes.reduce((sum, node) => sum + node.total, 0);
  const waiting = subscribers.reduce((sum, { waitingMessages }) => sum + waitingMessages, 0);
  return `${countText(total, 'subscriber')}${where}, for whom ${countText(waiting, 'message')} ${waiting === 1 ? 'waits' : 'wait'}`;
}

/** Why messages of the topic get through or do not. `backlogBytesMax`: what may wait for one subscriber. */
export function topicReasons(name: string, facts: Facts, backlogBytesMax: number): readonly Reason[] {
  const subscribers = subscribersOf(facts);
  if (subscribers.length === 0) {
    const text = `nobody subscribes to ${name}: what is sent to it goes to nobody, and is not kept`;
    return [{ code: 'no-subscriber', text }];
  }
  const behind = subscribers
    .filter(({ waitingMessages, unsentBytes }) => waitingMessages > 0 || unsentBytes >= slowBytes)
    .toSorted((one, other) => other.waitingBytes + other.unsentBytes - one.waitingBytes - one.unsentBytes);
  if (behind.length > 0) return behind.slice(0, namedMax).map((one) => behindReason(one, backlogBytesMax));
  const text = `nothing is in the way: ${countText(subscribers.length, 'subscriber')} ${subscribers.length === 1 ? 'has' : 'have'} got all that was sent since it subscribed; a message from before then is not kept`;
  return [{ code: 'moving', text, subscribers: subscribers.length }];
}

function behindReason(subscriber: Subscriber, backlogBytesMax: number): Reason {
  const { node, session, client, waitingMessages, waitingBytes, unsettled, unsentBytes } = subscriber;
  const who = whoText(subscriber);
  const facts = { node, session, client, waitingMessages, waitingBytes, unsettled, unsentBytes, backlogBytesMax };
  if (waitingMessages === 0) {
    const text = `${who} does not read what it is sent as fast as it comes: ${bytesText(unsentBytes)} wait at its connection`;
    return { code: 'slow-socket', text, ...facts };
  }
  const unread =
    unsentBytes < slowBytes ? '' : `, and ${bytesText(unsentBytes)} at its connection, which it does not read`;
  const text = `${who} is behind: ${countText(waitingMessages, 'message')} (${bytesText(waitingBytes)}) ${waitingMessages === 1 ? 'waits' : 'wait'} for it, while it has ${unsettled} that it has not acknowledged${unread}. With more than ${bytesText(backlogBytesMax)} waiting (limits.topicBacklogBytes) it is disconnected: let it acknowledge sooner, or subscribe with a larger prefetch-count`;
  return { code: 'subscriber-behind', text, ...facts };
}

function nodeBehind({ node, standsStill, clients }: NodeView, behind: number): Reason {
  const stuck = standsStill
    ? 'it gets no further, and takes no clients: its log says why (records that it lacks, a disk that hangs)'
    : 'it is catching up';
  const text = `node ${node} is ${countText(behind, 'entry', 'entries')} behind the master: what its clients are to get, or have asked for, waits until it has applied them; ${stuck}`;
  return { code: 'node-behind', text, node, behind, standsStill, clients };
}

/** Nodes whose clients wait for a way to the master, and those that are not read. */
export function nodeReasons({ nodes, applied }: Facts): readonly Reason[] {
  return nodes.flatMap((view): readonly Reason[] => {
    const { node, waiting, heldUpBy, clients } = view;
    const behind = applied - view.applied;
    if (view.standsStill || (view.waitsForApply && behind >= behindMin)) return [nodeBehind(view, behind)];
    if (waiting !== null && waiting.clients > 0) {
      const { forMs, closedInMs } = waiting;
      const end = closedInMs === null ? '' : `; they are disconnected in ${spanText(closedInMs)} (cluster.masterWait)`;
      const text = `node ${node} has not been attached to the master for ${spanText(forMs)}, so its ${countText(waiting.clients, 'client')} wait${end}. If it does not pass, look at the network between the two, and at what node ${node} logs`;
      return [{ code: 'node-waits', text, node, ...waiting }];
    }
    if (heldUpBy === null || clients === 0) return [];
    const text = `clients of node ${node} that send are not read now: ${heldUpBy}`;
    return [{ code: 'producers-held', text, node, clients }];
  });
}
