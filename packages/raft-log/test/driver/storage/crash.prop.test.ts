import t from 'tap';

import { complaintOf } from '../../complaint.ts';
import { crashAndRecover } from './crash-run.ts';
import { damageAndOpen } from './damage-run.ts';

t.test('a crash at any moment loses nothing that was reported done', async (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const complaint = await crashAndRecover(seed).catch(complaintOf);
    if (complaint !== null) {
      t.fail(`seed ${seed}: ${complaint.invariant}: ${complaint.detail}`);
      return;
    }
  }
  t.pass('300 crashes');
});

t.test('a sync that fails is not taken for done', async (t) => {
  for (let seed = 1; seed <= 100; seed++) {
    const complaint = await crashAndRecover(seed, { failingSync: true }).catch(complaintOf);
    t.equal(complaint, null, `seed ${seed}`);
  }
});

t.test('damage is neither overlooked nor taken for what a crash leaves', async (t) => {
  for (let seed = 1; seed <= 300; seed++) t.equal(await damageAndOpen(seed).catch(complaintOf), null, `seed ${seed}`);
});
