import { z } from 'zod';

import { configSchema } from './schema.ts';

/** JSON Schema (draft 2020-12) of the configuration file. Rules between keys are not in it. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      if (jsonSchema['shorthand'] === undefined) return;
      // One value stands for the map with that key: what `properties` says counts for the map alone.
      delete jsonSchema['shorthand'];
      Object.assign(jsonSchema, { type: ['string', 'number', 'object'] });
    },
  });
  return { title: 'Configuration of a Lockstep node', ...schema };
}
