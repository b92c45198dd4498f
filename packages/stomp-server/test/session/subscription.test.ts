import fc from 'fast-check';
import t from 'tap';
import { Subscription } from '../../src/session/subscription.ts';
import type { Held } from '../../src/session/subscription.ts';

function held(subscription: Subscription, number: number): Held {
  const messageId = String(number);
  return { subscription, messageId, ackId: messageId, tag: number, order: number, transaction: null };
}

function ids(messages: Iterable<Held>): string[] {
  return [...messages].map(({ messageId }) => messageId);
}

t.test(
  'whatever is acknowledged, aborted and committed: a cumulative ACK takes all free ones up to it, oldest first',
  async () => {
    const step = fc.record({
      what: fc.constantFrom('hold', 'ack', 'in t', 'in u', 'abort', 'commit'),
      which: fc.nat(40),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const subscription = new Subscription(1, 's', '/queue/a', 'client', 0);
        let orders = 0;
        let free: Held[] = [];
        const open = new Map<string, Held[]>([
          ['t', []],
          ['u', []],
        ]);
        for (const { what, which } of steps) {
          if (what === 'hold') {
            const one = held(subscription, ++orders);
            subscription.hold(one);
            free.push(one);
          } else if (what === 'abort' || what === 'commit') {
            const id = which % 2 === 0 ? 't' : 'u';
            const taken = open.get(id)!;
            open.set(id, []);
            if (what === 'commit') for (const one of taken) subscription.settle(one);
            else {
              subscription.giveBack(taken);
              free = [...free, ...taken].sort((a, b) => a.order - b.order);
            }
          } else if (free.length > 0) {
            const index = which % free.length;
            const transaction = what === 'ack' ? null : what.slice(3);
            const taken = subscription.take(free[index]!, transaction);
            const expected = free.splice(0, index + 1);
            if (ids(taken).join() !== ids(expected).join())
              throw new Error(`took ${ids(taken).join()}, not ${ids(expected).join()}`);
            if (transaction !== null) open.get(transaction)!.push(...taken);
          }
        }
        const all = ids(subscription.all()).sort();
        return (
          all.join() ===
          ids([...free, ...open.get('t')!, ...open.get('u')!])
            .sort()
            .join()
        );
      }),
    );
  },
);

for (const mode of ['client', 'client-individual'] as const) {
  // Thirty bytes of a client for each round: where it cost as much as all that is held, they would keep the node busy for minutes.
  t.test(`${mode}: to give one back costs no more for all the others that are held`, async () => {
    const subscription = new Subscription(1, 's', '/queue/a', mode, 0);
    const first = held(subscription, 0);
    subscription.hold(first);
    for (let i = 1; i < 65_000; i++) subscription.hold(held(subscription, i));
    for (let round = 0; round < 20_000; round++) subscription.giveBack(subscription.take(first, 't'));
    t.same(ids(subscription.take(first, null)), ['0']);
  });
}

t.test('what is settled is not kept', async () => {
  const subscription = new Subscription(1, 's', '/queue/a', 'client', 0);
  for (let i = 0; i < 100_000; i++) {
    const one = held(subscription, i);
    subscription.hold(one);
    if (subscription.take(one, null).length !== 1) t.fail(`${i} was not taken`);
  }
  t.notOk(subscription.holdsAny);
});
