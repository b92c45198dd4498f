import { SimWorld } from '@lockstep/testkit';
import t from 'tap';

import { Standstill } from '../../src/node/standstill.ts';

class Watch {
  readonly world: SimWorld = new SimWorld(1);
  readonly standstill: Standstill;
  waiting = true;
  applied = 7;
  began = 0;

  constructor() {
    this.standstill = new Standstill({
      clock: this.world.host('a').start().clock,
      waitMs: 1000,
      waiting: () => this.waiting,
      applied: () => this.applied,
      began: () => this.began++,
    });
  }

  async pass(ms: number): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + ms);
  }

  apply(): void {
    this.applied++;
    this.standstill.moved();
  }
}

t.test(
  'it begins when nothing was applied for so long while something waited, and ends when something is',
  async (t) => {
    const watch = new Watch();
    watch.standstill.look();
    await watch.pass(999);
    t.notOk(watch.standstill.stands);
    await watch.pass(50);
    t.ok(watch.standstill.stands);
    watch.standstill.look();
    await watch.pass(5000);
    t.equal(watch.began, 1, 'told once');
    watch.apply();
    t.notOk(watch.standstill.stands);
    watch.standstill.look();
    await watch.pass(1050);
    t.equal(watch.began, 2);
  },
);

t.test('who gets further does not stand still, however slowly', async (t) => {
  const watch = new Watch();
  watch.standstill.look();
  for (let i = 0; i < 10; i++) {
    await watch.pass(900);
    watch.apply();
  }
  t.equal(watch.began, 0);
  // It is watched on without another look.
  await watch.pass(2000);
  t.equal(watch.began, 1);
});

t.test('it is noticed soon after the time is over', async (t) => {
  const watch = new Watch();
  watch.standstill.look();
  await watch.pass(10);
  watch.apply();
  await watch.pass(990);
  t.equal(watch.began, 0);
  await watch.pass(260);
  t.equal(watch.began, 1);
});

t.test('who waits for nothing does not stand still', async (t) => {
  const watch = new Watch();
  watch.standstill.look();
  watch.waiting = false;
  await watch.pass(5000);
  watch.standstill.look();
  await watch.pass(5000);
  t.equal(watch.began, 0);
});

t.test('another way to the master begins anew', async (t) => {
  const watch = new Watch();
  watch.standstill.look();
  await watch.pass(900);
  watch.standstill.beginAnew();
  await watch.pass(5000);
  t.equal(watch.began, 0);
  watch.standstill.look();
  await watch.pass(1050);
  t.ok(watch.standstill.stands);
  watch.standstill.beginAnew();
  t.notOk(watch.standstill.stands);
});
