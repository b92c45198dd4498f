import type { Log } from '@lockstep/kernel';
import { SimWorld } from '@lockstep/testkit';
import t from 'tap';

import { foldWarnings } from '../../src/logging/fold-warnings.ts';

const LATER_MS = 60_000;

function setup(): { readonly lines: string[]; readonly log: Log & { finish(): void }; pass(): Promise<unknown> } {
  const world = new SimWorld(1);
  const lines: string[] = [];
  const write =
    (level: string): Log['warn'] =>
    (message, fields) => {
      lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    };
  const plain = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const log = foldWarnings(plain, world.host('h').start().clock);
  return { lines, log, pass: () => world.simulation.runUntil(world.simulation.nowMs + LATER_MS) };
}

t.test('a storm of equal warnings: the first five, then how many more there were', async (t) => {
  const { lines, log, pass } = setup();
  for (let port = 1; port <= 100; port += 1) log.warn('refused', { port });
  t.strictSame(
    lines,
    [1, 2, 3, 4, 5].map((port) => `warn refused {"port":${port}}`),
  );
  await pass();
  t.equal(lines[5], 'warn refused {"port":100,"folded":95,"foldedOverSeconds":10}');
  t.equal(lines.length, 6);
});

t.test('after its end the same warning is shown again', async (t) => {
  const { lines, log, pass } = setup();
  for (let i = 0; i < 6; i += 1) log.warn('refused');
  await pass();
  lines.length = 0;
  log.warn('refused');
  t.strictSame(lines, ['warn refused {}']);
  await pass();
  t.equal(lines.length, 1, 'nothing was folded, so nothing is said');
});

t.test('different warnings are not folded into one, and other levels never', (t) => {
  const { lines, log } = setup();
  for (let i = 0; i < 20; i += 1) log.warn(`warning ${i}`);
  t.equal(lines.length, 20);
  for (let i = 0; i < 20; i += 1) {
    log.error('error');
    log.info('info');
    log.debug('debug');
  }
  t.equal(lines.length, 80);
  t.end();
});

t.test('what is held back is written when the program ends, once', async (t) => {
  const { lines, log, pass } = setup();
  for (let i = 0; i < 8; i += 1) log.warn('refused');
  log.finish();
  t.equal(lines[5], 'warn refused {"folded":3,"foldedOverSeconds":10}');
  await pass();
  t.equal(lines.length, 6);
});
