import { readFileSync } from 'node:fs';

import { configurationDocument } from '@lockstep/broker';
import t from 'tap';

t.test('docs/configuration.md is what the schema says (`pnpm run docs` writes it)', (t) => {
  const written = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  t.equal(written, configurationDocument());
  t.end();
});
