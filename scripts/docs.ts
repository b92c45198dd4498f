/** `pnpm run docs`: writes the documents that are made from the program itself. */
import { writeFileSync } from 'node:fs';

import { configurationDocument } from '@lockstep/broker';

writeFileSync(new URL('../../docs/configuration.md', import.meta.url), configurationDocument());
