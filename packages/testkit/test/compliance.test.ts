import {
  clockCompliance,
  diskCompliance,
  networkCompliance,
  randomCompliance,
  SimDisk,
  SimRandom,
  SimWorld,
} from '@lockstep/testkit';
import t from 'tap';

const SEEDS = [1, 2, 3];

for (const seed of SEEDS) {
  t.test(`simulated ports, seed ${seed}`, async (t) => {
    t.test('disk', async (t) => {
      diskCompliance(t, () => {
        const world = new SimWorld(seed);
        return { port: world.host('a').start().disk, run: (work) => world.simulation.run(work) };
      });
    });

    t.test('network', async (t) => {
      networkCompliance(t, () => {
        const world = new SimWorld(seed);
        return { port: world.host('a').start().network, host: 'a', run: (work) => world.simulation.run(work) };
      });
    });

    t.test('clock', async (t) => {
      clockCompliance(t, () => {
        const world = new SimWorld(seed);
        return { port: world.host('a').start().clock, run: (work) => world.simulation.run(work) };
      });
    });

    t.test('chance', async (t) => randomCompliance(t, new SimRandom(seed)));
  });
}

t.test('a simulated disk without a simulation', async (t) => {
  diskCompliance(t, () => ({ port: new SimDisk(), run: (work) => work() }));
});
