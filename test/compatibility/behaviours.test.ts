import { readFileSync } from 'node:fs';

import t from 'tap';

import { behaviours } from './behaviours/index.ts';
import { observeAll } from './run.ts';
import { startLockstep } from './servers/lockstep.ts';
import { parse } from './table.ts';

t.test('Lockstep behaves as docs/compatibility.md says (`pnpm compatibility --write` writes it)', async (t) => {
  const page = readFileSync(new URL('../../../docs/compatibility.md', import.meta.url), 'utf8');
  const written = parse(page).Lockstep;
  const server = await startLockstep();
  t.teardown(server.stop);
  const outcomes = await observeAll(behaviours, server, written, () => undefined);
  for (const { id } of behaviours) t.equal(outcomes.get(id), written.get(id), id);
});
