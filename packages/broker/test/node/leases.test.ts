import { SimWorld } from '@lockstep/testkit';
import t from 'tap';

import { Leases } from '../../src/node/leases.ts';

interface Watch {
  readonly leases: Leases;
  readonly lapsed: string[];
  pass(ms: number): Promise<void>;
}

function watch(isOver = (silentMs: number, leaseMs: number): boolean => silentMs >= leaseMs): Watch {
  const world = new SimWorld(1);
  const lapsed: string[] = [];
  const { clock } = world.host('a').start();
  const leases = new Leases({ clock, leaseMs: 1000, isOver, lapse: (node) => lapsed.push(node) });
  return { leases, lapsed, pass: async (ms) => void (await world.simulation.runUntil(world.simulation.nowMs + ms)) };
}

t.test('a lease runs out after so much silence, once', async (t) => {
  const { leases, lapsed, pass } = watch();
  leases.silent('b');
  await pass(600);
  leases.silent('b');
  await pass(390);
  t.same(lapsed, [], 'it runs from the first word of the silence');
  await pass(20);
  t.same(lapsed, ['b']);
  await pass(5000);
  t.same(lapsed, ['b']);
});

t.test('a node that is heard again keeps what it has; another silence begins anew', async (t) => {
  const { leases, lapsed, pass } = watch();
  leases.silent('b');
  await pass(900);
  leases.heard('b');
  await pass(5000);
  t.same(lapsed, []);
  leases.silent('b');
  await pass(900);
  t.same(lapsed, []);
  await pass(200);
  t.same(lapsed, ['b']);
});

t.test('a process that is gone has no lease; one that is attached is not gone', async (t) => {
  const { leases, lapsed, pass } = watch();
  leases.dead('b');
  t.same(lapsed, []);
  leases.silent('b');
  leases.silent('c');
  leases.dead('b');
  t.same(lapsed, ['b'], 'at once');
  leases.end();
  await pass(5000);
  t.same(lapsed, ['b'], 'who is the master no more lets nothing lapse');
});

t.test('what is left of a lease is told while it runs', async (t) => {
  const { leases, pass } = watch();
  t.equal(leases.leftMs('b'), null, 'it is not silent');
  leases.silent('b');
  t.equal(leases.leftMs('b'), 1000);
  await pass(400);
  t.equal(leases.leftMs('b'), 600);
  t.equal(leases.leftMs('c'), null);
  await pass(700);
  t.equal(leases.leftMs('b'), null, 'it is over');
});
