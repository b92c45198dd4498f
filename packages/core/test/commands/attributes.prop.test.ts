import fc from 'fast-check';
import t from 'tap';
import { noAttributes, withTimestamp } from '../../src/attributes.ts';
import type { MessageAttributes } from '../../src/attributes.ts';
import {
  attributesBytesMax,
  decodeAttributes,
  encodeAttributes,
  readAttributes,
  writeAttributes,
} from '../../src/commands/attributes.ts';
import { ByteReader } from '../../src/commands/byte-reader.ts';
import { ByteWriter } from '../../src/commands/byte-writer.ts';

const natural = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const text = fc.string({ unit: 'binary', maxLength: 30 });
const fields = {
  priority: fc.option(fc.nat({ max: 9 })),
  expiresAtMs: natural,
  ttlMs: fc.constant(0),
  group: text,
  groupSequence: fc.integer(),
  duplicateId: text,
  persistence: fc.constantFrom('yes', 'no', 'unsaid'),
  schedule: fc.option(
    fc.record({ delayMs: natural, periodMs: natural, repeat: natural, cron: text }, { noNullPrototype: true }),
  ),
};
/** Any of the fields, the others as they are of a message that asks for nothing. */
const attributes = fc
  .record(fields, { noNullPrototype: true, requiredKeys: [] })
  .map((some) => ({ ...noAttributes, ...some }) as MessageAttributes);

t.test('attributes come back as they were written, and end where they should', async (t) => {
  fc.assert(
    fc.property(attributes, natural, (written, behind) => {
      const out = new ByteWriter(64);
      writeAttributes(out, written);
      const length = out.length;
      out.number(behind);
      const input = new ByteReader();
      input.start(out.view(0, out.length));
      t.same(readAttributes(input) ?? noAttributes, written);
      t.equal(input.number(), behind);
      t.ok(length <= attributesBytesMax(written));
      t.same(decodeAttributes(encodeAttributes(written)), written);
    }),
    { numRuns: 200 },
  );
});

t.test('nothing that is asked for costs one byte', async (t) => {
  const out = new ByteWriter(64);
  writeAttributes(out, null);
  t.same([out.length, attributesBytesMax(null)], [1, 1]);
  t.equal(decodeAttributes(encodeAttributes(null)), null);
});

t.test('bytes from elsewhere are attributes or nothing', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      const decoded = decodeAttributes(bytes);
      if (decoded === undefined || decoded === null) return;
      t.same(decodeAttributes(encodeAttributes(decoded)), decoded);
    }),
    { numRuns: 500 },
  );
  t.equal(decodeAttributes(Uint8Array.of(64)), undefined, 'unknown fields');
  t.equal(decodeAttributes(Uint8Array.of(1, 10)), undefined, 'a priority that is none');
  t.equal(decodeAttributes(Uint8Array.of(0, 0)), undefined, 'something behind them');
});

t.test('a time to live counts from the timestamp', async (t) => {
  t.same(withTimestamp({ ...noAttributes, ttlMs: 5 }, 100), { ...noAttributes, expiresAtMs: 105 });
  t.equal(withTimestamp(null, 100), null);
});
