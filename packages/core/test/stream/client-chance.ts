import type { SimRandom } from '@lockstep/testkit';
import type { Client } from './client.ts';

const topics = ['/topic/t', '/topic/u'];

/** The client asks for something, whatever it is. */
export function askSomething(client: Client, random: SimRandom, queues: readonly string[]): void {
  const subscription = client.queues.length === 0 ? undefined : random.pick(client.queues);
  const held = subscription?.held ?? [];
  const dice = random.below(100);
  if (dice < 35) {
    const destination = random.pick(queues);
    for (let i = random.below(4); i >= 0; i--) client.send(destination, random.chance(0.03) ? random.below(60_000) : 0);
  } else if (dice < 42) client.send(random.pick(topics), 0);
  else if (dice < 54 && subscription !== undefined) {
    const first = random.below(Math.max(1, held.length));
    const positions = held.slice(first, first + 1 + random.below(3));
    if (positions.length > 0) client.settle(subscription, positions, random.chance(0.8) ? 'ack' : 'requeue');
  } else if (dice < 68) {
    const destinations = Array.from({ length: random.below(4) }, () => random.pick(queues));
    client.commit(destinations, subscription, random.below(3));
  } else if (dice < 92 && client.subscriptions.size < 4) {
    client.subscribe(random.pick([...queues, ...queues, ...topics]), 1 + random.below(6));
  } else if (dice < 94 && subscription !== undefined) client.unsubscribe(subscription);
  else if (dice < 95) client.end(random.pick(['clean', 'lost']));
}
