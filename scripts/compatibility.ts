/**
 * `pnpm compatibility [--peers] [--write] [PART-OF-ID…]`: observes how Lockstep, and with `--peers` ActiveMQ and RabbitMQ, behave, prints it,
 * and with `--write` writes docs/compatibility.md; what is not observed stays there as it is. Exit code 1 when servers differ and no note
 * says why, or, without `--write`, when the page says something else.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import {
  behaviours,
  columns,
  observeAll,
  parse,
  render,
  sections,
  startActiveMq,
  startLockstep,
  startRabbitMq,
  summary,
  unexplained,
} from '@lockstep/test/compatibility';
import type { RunningServer, Server } from '@lockstep/test/compatibility';

const page = new URL('../../docs/compatibility.md', import.meta.url);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
});

const starts: readonly (readonly [Server['name'], () => Promise<RunningServer>])[] = [
  ['Lockstep', startLockstep],
  ...(values.peers
    ? ([
        ['ActiveMQ', startActiveMq],
        ['RabbitMQ', startRabbitMq],
      ] as const)
    : []),
];
const wanted = behaviours.filter(({ id }) => positionals.length === 0 || positionals.some((part) => id.includes(part)));
const written = parse(existsSync(page) ? readFileSync(page, 'utf8') : '');
const outcomes = Object.fromEntries(columns.map((name) => [name, new Map(written[name])])) as Record<
  Server['name'],
  Map<string, string>
>;

let running: RunningServer | null = null;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void Promise.resolve(running?.stop()).finally(() => process.exit(1)));
}

let different = 0;
for (const [name, start] of starts) {
  if (values.only.length > 0 && !values.only.includes(name)) continue;
  console.log(`starting ${name}`);
  const server = await start();
  running = server;
  try {
    const observed = await observeAll(wanted, server, written[name], ({ id }, outcome) => {
      const before = written[name].get(id);
      if (before !== outcome) different++;
      console.log(
        `${name.padEnd(9)} ${id.padEnd(32)} ${outcome}${before === outcome ? '' : `   (the page: ${before ?? 'nothing'})`}`,
      );
    });
    for (const [id, outcome] of observed) outcomes[name].set(id, outcome);
  } finally {
    running = null;
    await server.stop();
  }
}

console.log(summary(sections, outcomes));
const bare = unexplained(sections, outcomes);
for (const { id } of bare) {
  console.log(`no note: ${id}: ${columns.map((name) => `${name}: ${outcomes[name].get(id) ?? 'unknown'}`).join('; ')}`);
}
if (values.write) writeFileSync(page, render(sections, outcomes));
else if (different > 0)
  console.log(`${different} outcomes are not those of docs/compatibility.md; --write writes them`);
process.exitCode = bare.length > 0 || (different > 0 && !values.write) ? 1 : 0;
