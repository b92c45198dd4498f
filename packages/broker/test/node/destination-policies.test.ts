import t from 'tap';

import { DestinationPolicies } from '../../src/node/destination-policies.ts';
import type { DestinationRule } from '../../src/node/destination-policies.ts';

function rule(match: string, more: Partial<DestinationRule> = {}): DestinationRule {
  return { match, maxDeliveries: 6, deadLetter: 'shared', deadLetterQueue: '/queue/dead', ...more };
}

t.test('the first rule that matches counts, as a whole', async (t) => {
  const policies = new DestinationPolicies([
    rule('/queue/orders.urgent', { maxDeliveries: 2 }),
    rule('/queue/orders.>', { maxDeliveries: 0, deadLetter: 'individual' }),
    rule('/queue/*.log', { deadLetter: 'none' }),
  ]);
  t.same(policies.policyOf('/queue/orders.urgent'), { maxDeliveries: 2, deadLetterQueue: '/queue/dead' });
  t.same(policies.policyOf('/queue/orders.a.b'), { maxDeliveries: Infinity, deadLetterQueue: '/queue/DLQ.orders.a.b' });
  t.same(policies.policyOf('/queue/orders.log'), { maxDeliveries: Infinity, deadLetterQueue: '/queue/DLQ.orders.log' });
  t.same(policies.policyOf('/queue/x.log'), { maxDeliveries: 6, deadLetterQueue: null });
  t.equal(policies.policyOf('/queue/x'), null);
  t.equal(policies.policyOf('/topic/x.log'), null);
});

t.test('other rules count from then on, also where one was asked for before', async (t) => {
  const policies = new DestinationPolicies([]);
  t.equal(policies.policyOf('/queue/a'), null);
  policies.reload([rule('>', { maxDeliveries: 1 })]);
  t.same(policies.policyOf('/queue/a'), { maxDeliveries: 1, deadLetterQueue: '/queue/dead' });
  policies.reload([]);
  t.equal(policies.policyOf('/queue/a'), null);
});

t.test('very many destinations are not all remembered, and each has its policy', async (t) => {
  const policies = new DestinationPolicies([rule('/queue/even.>', { maxDeliveries: 2 })]);
  for (let i = 0; i < 25_000; i++) {
    const kind = i % 2 === 0 ? 'even' : 'odd';
    const policy = policies.policyOf(`/queue/${kind}.${i}`);
    if ((policy !== null) !== (i % 2 === 0)) t.fail(`${i} has ${JSON.stringify(policy)}`);
  }
  t.match(policies.policyOf('/queue/even.0'), { maxDeliveries: 2 });
});
