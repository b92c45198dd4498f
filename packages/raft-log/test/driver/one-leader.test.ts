import t from 'tap';

import { Cluster } from './cluster.ts';

/**
 * A member whose log is older asks one that has just come back. That one can't vote for it, and would stand in its place at once: but it had
 * been heard, a moment before its death, by a leader that is only cut off now.
 */
async function comeBack(seed: number): Promise<{ readonly together: boolean; readonly next: string }> {
  const cluster = new Cluster(`one leader ${seed}`).startAll();
  const { wires } = cluster.world;
  const master = await cluster.untilLed();
  const [back, older] = cluster.names.filter((name) => name !== master) as [string, string];
  wires.isolate(older);
  await cluster.pass(1000 + seed * 37);
  await cluster.commit('on two of them');
  wires.healAll();
  wires.isolate(master);
  cluster.kill(back);
  cluster.start(back);
  const leading = (name: string): boolean => cluster.life(name).log?.leading === true;
  const isLed = (): boolean => leading(back) || leading(older);
  if (!(await cluster.until(isLed, 20_000))) throw new Error(`nobody leads:\n${cluster.story()}`);
  return { together: leading(master), next: leading(back) ? 'back' : 'older' };
}

t.test('a leader that has just heard a member has stopped before that one, come back, has another', async (t) => {
  for (let seed = 1; seed <= 12; seed++)
    t.same(await comeBack(seed), { together: false, next: 'back' }, `seed ${seed}`);
});
