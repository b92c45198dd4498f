import { SimWorld } from '@lockstep/testkit';
import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { HandOver } from '../../src/driver/hand-over.ts';

const self = 'a' as NodeId;
const other = 'b' as NodeId;
const electionMs = 100;

/** A hand-over that was begun, and what came of it so far. */
function begun(): { handOver: HandOver; outcome: () => Promise<boolean | null>; pass: (ms: number) => Promise<void> } {
  const world = new SimWorld(1);
  const { clock } = world.host('a').start();
  const handOver = new HandOver(self, clock, electionMs);
  let settled: boolean | null = null;
  void handOver.begin(() => {}).then((result) => (settled = result));
  const outcome = async (): Promise<boolean | null> => {
    await Promise.resolve();
    await Promise.resolve();
    return settled;
  };
  const pass = async (ms: number): Promise<void> => {
    let over = false;
    clock.setTimer(ms, () => (over = true));
    while (!over) await world.simulation.step();
  };
  return { handOver, outcome, pass };
}

t.test('it is done when another member leads and serves, not before', async (t) => {
  const { handOver, outcome } = begun();
  handOver.settle(self, true, false);
  t.equal(await outcome(), null, 'this one still leads');
  handOver.settle(null, false, false);
  t.equal(await outcome(), null, 'nobody leads');
  handOver.settle(other, false, false);
  t.equal(await outcome(), null, 'another was elected, and can take nothing yet');
  handOver.settle(other, true, false);
  t.equal(await outcome(), true);
});

t.test('it is given up while this one leads on, after little more than an election time-out', async (t) => {
  const { handOver, outcome, pass } = begun();
  await pass(electionMs);
  handOver.settle(self, true, false);
  t.equal(await outcome(), null);
  await pass(electionMs);
  handOver.settle(self, true, false);
  t.equal(await outcome(), false);
});

t.test('another that leads and does not come to serve is waited for, but not for ever', async (t) => {
  const { handOver, outcome, pass } = begun();
  await pass(2 * electionMs);
  handOver.settle(other, false, false);
  t.equal(await outcome(), null);
  await pass(3 * electionMs);
  handOver.settle(other, false, false);
  t.equal(await outcome(), true, 'mastership has moved all the same');
});

t.test('nobody is waited for who is not there', async (t) => {
  const { handOver, outcome } = begun();
  handOver.settle(self, true, true);
  t.equal(await outcome(), false);
});
