import t from 'tap';

import { chaos } from './chaos.ts';

const seeds = Number(process.env['SIMULATION_SEEDS'] ?? 60);

t.test(
  'crashes, pauses, cuts and a bad disk: nothing acknowledged is lost, nobody disagrees',
  { timeout: 300_000 },
  async (t) => {
    let acknowledged = 0;
    let crashes = 0;
    let wipes = 0;
    let damages = 0;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const report = await chaos(seed);
      acknowledged += report.acknowledged;
      crashes += report.crashes;
      wipes += report.wipes;
      damages += report.damages;
      if (report.violations.length > 0) t.fail(report.violations.join('\n'), { story: report.story });
    }
    t.comment(`${acknowledged} acknowledged, ${crashes} crashes, ${wipes} wipes, ${damages} damages`);
    t.ok(acknowledged > 50 * seeds, `${acknowledged} acknowledged`);
    t.ok(crashes > 3 * seeds, `${crashes} crashes`);
    t.ok(wipes > seeds / 4, `${wipes} disks lost`);
    t.ok(damages > seeds, `${damages} times damaged`);
  },
);
