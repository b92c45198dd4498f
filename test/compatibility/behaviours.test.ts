import { readFileSync } from 'node:fs';

import t from 'tap';

import { behaviours } from './behaviours/index.ts';
import { observeAll } from './run.ts';
import { observe } from './scene.ts';
import { startLockstep } from './servers/lockstep.ts';
import { parse } from './table.ts';

t.test('Lockstep behaves as docs/compatibility.md says (`pnpm compatibility --write` writes it)', async (t) => {
  const page = readFileSync(new URL('../../../docs/compatibility.md', import.meta.url), 'utf8');
  const written = parse(page).Lockstep;
  const server = await startLockstep();
  t.teardown(server.stop);
  const outcomes = await observeAll(behaviours, server, () => undefined);
  for (const behaviour of behaviours) {
    let outcome = outcomes.get(behaviour.id);
    // On a busy machine what comes late may look as if it never came; never the other way round.
    if (outcome !== written.get(behaviour.id)) outcome = await observe(behaviour, { ...server, patienceMs: 10_000 });
    t.equal(outcome, written.get(behaviour.id), behaviour.id);
  }
});
