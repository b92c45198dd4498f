import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { LogHold } from '../../../src/driver/snapshots/log-hold.ts';
import { b, c, StepClock } from '../records/fakes.ts';

function bench(): { hold: LogHold; clock: StepClock; match: Map<NodeId, number>; newest: { index: number } } {
  const clock = new StepClock();
  const match = new Map<NodeId, number>();
  const newest = { index: 100 };
  const matchIndex = (peer: NodeId): number | null => match.get(peer) ?? null;
  return { hold: new LogHold({ clock, matchIndex, snapshotIndex: () => newest.index }), clock, match, newest };
}

t.test('the log stays until the follower has come as far as the newest snapshot', async (t) => {
  const { hold, match, newest } = bench();
  t.equal(hold.index, null);
  match.set(b, 0).set(c, 0);
  hold.begin(b, 50);
  hold.begin(c, 40);
  hold.tick();
  t.equal(hold.index, 40);
  match.set(b, 60).set(c, 70);
  hold.tick();
  t.equal(hold.index, 60, 'what they have is not needed any more');
  newest.index = 65;
  hold.tick();
  t.equal(hold.index, 60);
  match.set(b, 65);
  hold.tick();
  t.equal(hold.index, null);
});

t.test('a follower that does not move is let go, one that does is not', async (t) => {
  const { hold, clock, match } = bench();
  match.set(b, 50);
  hold.begin(b, 50);
  for (let index = 51; index < 60; index += 1) {
    clock.pass(9000);
    match.set(b, index);
    hold.tick();
    t.equal(hold.index, index);
  }
  clock.pass(9900);
  hold.tick();
  t.equal(hold.index, 59);
  clock.pass(200);
  hold.tick();
  t.equal(hold.index, null);
});

t.test('who leads no more holds nothing', async (t) => {
  const { hold, match } = bench();
  match.set(b, 50);
  hold.begin(b, 50);
  match.delete(b);
  hold.tick();
  t.equal(hold.index, null);
  match.set(b, 50);
  hold.begin(b, 50);
  hold.stop();
  t.equal(hold.index, null);
});
