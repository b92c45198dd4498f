import { z } from 'zod';

import { configSchema } from './schema.ts';

/** JSON Schema (draft 2020-12) of the configuration file. Rules between keys are not in it. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, { io: 'input' });
  return { title: 'Configuration of a Lockstep node', ...schema };
}
