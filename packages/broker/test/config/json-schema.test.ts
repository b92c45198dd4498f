import t from 'tap';

import { configJsonSchema } from '../../src/config/json-schema.ts';

interface Node {
  readonly type?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

t.test('every key is described, and has a type', (t) => {
  let keys = 0;
  const walk = (path: string, node: Node): void => {
    for (const [key, below] of Object.entries(node.properties ?? node.items?.properties ?? {})) {
      keys += 1;
      t.ok((below.description ?? '') !== '', `${path}${key} is described`);
      t.ok('type' in below || 'anyOf' in below || 'enum' in below, `${path}${key} has a type`);
      walk(`${path}${key}.`, below);
    }
  };
  walk('', configJsonSchema() as Node);
  t.ok(keys > 30);
  t.end();
});

t.test('it is about what one writes: short forms, and defaults as people write them', (t) => {
  const { properties } = configJsonSchema() as Node;
  t.strictSame(properties?.['admin']?.type, ['string', 'number', 'object']);
  t.equal(properties?.['journal']?.properties?.['segmentBytes']?.default, '64MiB');
  t.equal(properties?.['log']?.additionalProperties, false);
  t.end();
});
