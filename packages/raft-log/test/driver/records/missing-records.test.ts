import t from 'tap';

import { LiveSet } from '../../../src/driver/live-set.ts';
import { MissingRecords } from '../../../src/driver/records/missing-records.ts';
import { HandClock } from '../storage/harness.ts';

t.test('records that nobody has are asked for again; who stops leaves no timer behind', async (t) => {
  const clock = new HandClock();
  const live = new LiveSet();
  live.retain(7);
  let asked = 0;
  const missing = new MissingRecords({
    clock,
    live: () => live,
    holds: () => false,
    repair: (damages) => {
      asked++;
      return Promise.resolve(damages.map(() => 'lost' as const));
    },
  });
  const ended = missing.run();
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const again = async (times: number): Promise<void> => {
    while (asked < times || clock.waiting === 0) {
      clock.fire();
      await turn();
    }
  };
  await again(2);
  t.equal(clock.waiting, 1);
  missing.stop();
  t.equal(clock.waiting, 0);
  await ended;
});
