import { throws } from 'node:assert';
import t from 'tap';
import { BudgetShare, InputBudget } from '../src/input-budget.ts';

t.test('what is reserved is bounded, and free again once released', async (t) => {
  const budget = new InputBudget(100);
  t.ok(budget.reserve(60));
  t.notOk(budget.reserve(41), 'more than is left');
  t.equal(budget.used, 60, 'nothing of a refused request is taken');
  t.ok(budget.reserve(40));
  budget.release(60);
  t.equal(budget.used, 40);
  t.ok(budget.reserve(60));
});

t.test('more is released than was reserved: the node must not go on', async () => {
  const budget = new InputBudget(100);
  budget.reserve(10);
  throws(() => budget.release(11));
});

t.test('shares: each is what its holder holds, and is released once', async (t) => {
  const budget = new InputBudget(100);
  const [one, other] = [new BudgetShare(budget), new BudgetShare(budget)];
  t.ok(one.resize(70));
  t.ok(other.resize(30));
  t.notOk(other.resize(31));
  t.same([one.bytes, other.bytes, budget.used], [70, 30, 100], 'a refused share stays as it was');
  t.ok(one.resize(10));
  t.ok(other.resize(90));
  one.release();
  one.release();
  t.equal(budget.used, 90);
  other.release();
  t.equal(budget.used, 0);
});

t.test('a refusal says how much is held, and which setting bounds it', async (t) => {
  const budget = new InputBudget(100);
  budget.reserve(90);
  t.equal(
    budget.refusal,
    'this node holds 90 bytes of half-sent frames and open transactions, limits.halfSentBytes allows 100; try again',
  );
});
