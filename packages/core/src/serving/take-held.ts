import type { Settlement } from '../requests.ts';
import type { OutstandingGroup } from './queue-consumer.ts';
import type { QueueConsumers } from './queue-consumers.ts';
import type { ServingSession } from './serving-session.ts';

const nothing: readonly OutstandingGroup[] = [];

/** All that a transaction is to settle, no longer with its clients; or (null) nothing: something in it is not held by its subscription. */
export function takeHeld(
  session: ServingSession,
  settlements: readonly Settlement[],
  consumers: QueueConsumers,
): readonly OutstandingGroup[] | null {
  if (settlements.length === 0) return nothing;
  const groups: OutstandingGroup[] = [];
  for (const { subscription: number, outcome, tags } of settlements) {
    const consumer = session.subscriptions.get(number);
    if (consumer?.kind === 'topic' || tags.length === 0) continue;
    const late = consumer?.takeAll(tags) ?? null;
    if (consumer === undefined || late === null) {
      for (const { consumer: key, positions, late: lateOnes } of groups)
        consumers.get(key)?.putBack(positions, lateOnes);
      return null;
    }
    const { key, destination } = consumer;
    groups.push({ consumer: key, destination, outcome, positions: tags.slice(), late, inTransaction: true });
  }
  for (const group of groups) consumers.get(group.consumer)?.outstanding.push(group);
  return groups;
}
