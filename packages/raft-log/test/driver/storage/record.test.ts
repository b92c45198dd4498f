import t from 'tap';

import { entryPayload, makeEntry, parseRecords, recordHeaderBytes } from '../../../src/driver/storage/index.ts';
import { entryKind } from '../../../src/node/index.ts';
import { entries, entry } from './harness.ts';

function joined(...records: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(records));
}

t.test('a record holds its entry', (t) => {
  const payload = new Uint8Array([1, 2, 3]);
  const made = makeEntry(2 ** 40 + 5, 2 ** 33 + 7, entryKind.noop, payload);
  payload[0] = 9;
  t.same([...entryPayload(made)], [1, 2, 3], 'the payload was copied');
  t.equal(made.record.length, recordHeaderBytes + 3);
  const [parsed, ...more] = parseRecords(joined(made.record));
  t.same(more, []);
  t.match(parsed, { index: 2 ** 40 + 5, term: 2 ** 33 + 7, kind: entryKind.noop });
  t.same([...entryPayload(parsed!)], [1, 2, 3]);
  t.end();
});

t.test('the layout is what the documentation says', (t) => {
  const { record } = makeEntry(3, 2, entryKind.command, new Uint8Array([65, 66]));
  // length, crc32 (as Python's zlib.crc32(…, 34) has it), index, term, kind and version, payload
  const fields = ['22000000', '12e2f94b', '0300000000000000', '0200000000000000', '0101000000000000', '4142'];
  t.equal(Buffer.from(record).toString('hex'), fields.join(''));
  t.end();
});

t.test('records made one after the other lie one behind the other', (t) => {
  const made = entries(1, 5, 1);
  for (let i = 1; i < made.length; i++) {
    const [before, after] = [made[i - 1]!.record, made[i]!.record];
    t.equal(after.buffer, before.buffer);
    t.equal(after.byteOffset, before.byteOffset + before.byteLength);
  }
  t.not(
    entry(6, 1, new Uint8Array(100_000)).record.buffer,
    made[4]!.record.buffer,
    'a large one has memory of its own',
  );
  t.end();
});

t.test('records are parsed in place, whatever surrounds them', (t) => {
  const bytes = joined(new Uint8Array(5), ...entries(1, 3, 1).map(({ record }) => record));
  const parsed = parseRecords(bytes.subarray(5));
  t.same(
    parsed.map(({ index }) => index),
    [1, 2, 3],
  );
  t.equal(parsed[0]!.record.buffer, bytes.buffer);
  t.same(parseRecords(new Uint8Array()), []);
  t.end();
});

t.test('damage from a peer is refused with a typed error', (t) => {
  const whole = joined(...entries(1, 3, 1).map(({ record }) => record));
  for (let at = 0; at < whole.length; at++) {
    const damaged = whole.slice();
    damaged[at]! ^= 1 << (at % 8);
    t.throws(() => parseRecords(damaged), { name: 'RecordError' }, `byte ${at} damaged`);
    if (at % entry(1, 1).record.length !== 0)
      t.throws(() => parseRecords(whole.subarray(0, at)), { name: 'RecordError' });
  }
  t.end();
});
