import { writeEnqueue, writeSettlementGroup, writeTransactionEndHead } from '../commands/encoder.ts';
import { commandType, outcomeCode } from '../commands/format.ts';
import type { QueueDispatch } from '../dispatch/queue-dispatch.ts';
import type { Refusal, Request, Settlement } from '../requests.ts';
import type { MasterSession } from './master-session.ts';
import type { Mastership } from './mastership.ts';
import { notHeld, overloaded } from './refusals.ts';

type CommitRequest = Extract<Request, { type: 'commit' }>;

/** The settlements of one subscription to a queue, begun. */
interface Begun {
  readonly queue: QueueDispatch;
  readonly settlement: Settlement;
}

/**
 * Proposes a transaction as parts and their end, at consecutive positions; one send alone needs no end. `volatile`: it holds
 * nothing for the log. The destinations and sizes have been checked.
 */
export function proposeTransaction(
  master: Mastership,
  session: MasterSession,
  { token, sends, settlements }: CommitRequest,
): Refusal | 'volatile' | 'under-way' {
  const begun = beginSettlements(session, settlements);
  if (begun === null) return notHeld();
  const durable = sends.filter(({ destination }) => !destination.startsWith('/topic/'));
  if (durable.length === 0 && begun.length === 0) {
    settleTopics(master, session, settlements);
    return 'volatile';
  }
  const single = durable.length === 1 && begun.length === 0;
  const { scratch } = master;
  scratch.clear();
  const ends: number[] = [];
  const timestampMs = master.proposer.wallMs();
  for (const { destination, message } of durable) {
    const type = single ? commandType.enqueue : commandType.transactionPart;
    writeEnqueue(scratch, type, master.names.bytesOf(destination), timestampMs, message);
    ends.push(scratch.length);
  }
  const messageBytes = scratch.length;
  if (!single) {
    writeTransactionEndHead(scratch, durable.length);
    for (const { queue, settlement } of begun) {
      const { outcome, tags } = settlement;
      const name = master.names.bytesOf(queue.queue.name);
      writeSettlementGroup(scratch, name, outcomeCode[outcome], tags, 0, tags.length);
    }
    ends.push(scratch.length);
  }
  const first = master.propose(ends);
  if (first === null) {
    undo(begun);
    return overloaded('COMMIT');
  }
  settleTopics(master, session, settlements);
  const topicMessages = sends
    .filter(({ destination }) => destination.startsWith('/topic/'))
    .map(({ destination, message }) => master.topicMessage(destination, message));
  const topic = topicMessages.length > 0 ? topicMessages : null;
  master.await(first + ends.length - 1, session, token, topic);
  master.proposedMessages(durable.length, messageBytes);
  return 'under-way';
}

/** Marks all that is to be settled, or (null) nothing: something in it is not held by its subscription. */
function beginSettlements(session: MasterSession, settlements: readonly Settlement[]): Begun[] | null {
  const begun: Begun[] = [];
  for (const settlement of settlements) {
    const subscription = session.subscriptions.get(settlement.subscription);
    if (subscription?.kind === 'topic' || settlement.tags.length === 0) continue;
    if (subscription === undefined) {
      undo(begun);
      return null;
    }
    const { queue, consumer } = subscription;
    for (const [index, tag] of settlement.tags.entries()) {
      if (queue.beginSettling(consumer, tag)) continue;
      undo(begun);
      undo([{ queue, settlement: { ...settlement, tags: settlement.tags.slice(0, index) } }]);
      return null;
    }
    begun.push({ queue, settlement });
  }
  return begun;
}

function undo(begun: readonly Begun[]): void {
  for (const { queue, settlement } of begun) for (const tag of settlement.tags) queue.undoSettling(tag);
}

function settleTopics(master: Mastership, session: MasterSession, settlements: readonly Settlement[]): void {
  for (const { subscription: number, tags } of settlements) {
    const subscription = session.subscriptions.get(number);
    if (subscription?.kind === 'topic') master.settleTopic(subscription.consumer, tags);
  }
}
