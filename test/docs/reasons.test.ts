import { readFileSync } from 'node:fs';

import { reasonCodes } from '@lockstep/broker';
import t from 'tap';

t.test('docs/program.md says of each reason of `lockstep explain` what it means, and of no other', (t) => {
  const text = readFileSync(new URL('../../../docs/program.md', import.meta.url), 'utf8');
  const section = /## Why nothing moves\n[^]*?(?=\n## )/.exec(text)?.[0] ?? '';
  const firsts = section.split('\n').map((line) => /^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|/.exec(line)?.[1] ?? '');
  const told = new Set(firsts.flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code)));
  t.same(told, new Set(reasonCodes));
  t.end();
});
