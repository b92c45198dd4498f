// Streams that once went wrong somewhere, or that a certain client sends. Each file: the version in force, the octets
// (one JSON string a line, a character an octet), `----`, and what comes out. UPDATE=1 rewrites what comes out.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { bytewise, octets, parse } from './support.ts';
import type { StompVersion } from '../../src/codec/index.ts';
import type { Outcome } from './support.ts';

const folder = fileURLToPath(new URL('../../../test/codec/corpus/', import.meta.url));

function print(outcome: Outcome): string {
  const lines = outcome.frames.map((frame) => JSON.stringify(frame));
  if (outcome.error !== null) lines.push(`error ${JSON.stringify(outcome.error)}`);
  if (outcome.midFrame) lines.push('in the middle of a frame');
  return lines.map((line) => `${line}\n`).join('');
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
  t.test(file, async (t) => {
    const text = readFileSync(folder + file, 'utf8');
    const cut = text.indexOf('----\n');
    const [version, ...wire] = text.slice(0, cut).trimEnd().split('\n');
    const bytes = octets(wire.map((line) => JSON.parse(line) as string).join(''));
    const outcome = parse([bytes], version as StompVersion);
    t.strictSame(parse(bytewise(bytes), version as StompVersion), outcome, 'the split makes no difference');
    if (process.env['UPDATE'] === '1') writeFileSync(folder + file, `${text.slice(0, cut)}----\n${print(outcome)}`);
    else t.equal(print(outcome), text.slice(cut + 5));
  });
}
