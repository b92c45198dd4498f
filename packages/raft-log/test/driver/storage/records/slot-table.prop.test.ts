import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';

import { decodeSidecar, encodeSidecar } from '../../../../src/driver/storage/records/sidecar-format.ts';
import { SlotTableBuilder } from '../../../../src/driver/storage/records/slot-table.ts';
import type { SlotTable } from '../../../../src/driver/storage/records/slot-table.ts';
import {
  decodeStoreTable,
  encodeStoreTable,
  storeTableBytes,
} from '../../../../src/driver/storage/records/store-format.ts';

const steps = fc.array(fc.record({ gap: fc.nat(3), bytes: fc.integer({ min: 32, max: 500 }) }), {
  minLength: 1,
  maxLength: 600,
});
const dense = steps.map((list) => list.map(({ bytes }) => ({ gap: 0, bytes })));
const firsts = fc.constantFrom(1, 77, 2 ** 40);

interface Place {
  readonly position: number;
  readonly offset: number;
}

function build(first: number, list: readonly { gap: number; bytes: number }[]): { table: SlotTable; places: Place[] } {
  const builder = new SlotTableBuilder();
  const places: Place[] = [];
  let position = first;
  let offset = 64;
  for (const { gap, bytes } of list) {
    builder.add(position, offset);
    places.push({ position, offset });
    position += 1 + gap;
    offset += bytes;
  }
  return { table: builder.build(offset), places };
}

function finds(table: SlotTable, places: readonly Place[]): boolean {
  const known = new Map(places.map(({ position, offset }) => [position, offset]));
  for (let position = places[0]!.position - 2; position <= places.at(-1)!.position + 2; position++) {
    const slot = table.slotOf(position);
    if ((known.get(position) ?? -1) !== (slot < 0 ? -1 : table.offsets[slot])) return false;
    const from = table.slotFrom(position);
    const next = places.findIndex((place) => place.position >= position);
    if (from !== (next < 0 ? places.length : next)) return false;
  }
  return table.last === places.at(-1)!.position && table.count === places.length;
}

t.test('every position is found, and no other', (t) => {
  fc.assert(
    fc.property(firsts, fc.oneof(steps, dense), (first, list) => {
      const { table, places } = build(first, list);
      return finds(table, places);
    }),
    { numRuns: 100 },
  );
  t.pass('100 tables');
  t.end();
});

t.test('tables come back from a file as they were', (t) => {
  fc.assert(
    fc.property(firsts, steps, (first, list) => {
      const { table, places } = build(first, list);
      const encoded = encodeStoreTable(table);
      const fileBytes = table.offsets[table.count]! + encoded.length;
      if (storeTableBytes(encoded.subarray(encoded.length - 32), fileBytes) !== encoded.length) return false;
      return finds(decodeStoreTable(encoded)!, places);
    }),
    { numRuns: 100 },
  );
  fc.assert(
    fc.property(firsts, dense, (first, list) => {
      const { table, places } = build(first, list);
      return finds(decodeSidecar('x', encodeSidecar(7, table), 7)!, places);
    }),
    { numRuns: 50 },
  );
  t.pass('150 tables');
  t.end();
});

t.test('no flipped bit in a table goes unnoticed', (t) => {
  const { table } = build(
    5,
    Array.from({ length: 20 }, () => ({ gap: 0, bytes: 40 })),
  );
  const sidecar = encodeSidecar(7, table);
  for (let bit = 0; bit < sidecar.length * 8; bit++) {
    const bytes = Buffer.from(sidecar);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    if (decodeSidecar('x', bytes, 7) !== null) t.fail(`sidecar, bit ${bit}`);
  }
  t.equal(decodeSidecar('x', sidecar, 8), null, 'another segment’s');
  const store = encodeStoreTable(table);
  const fileBytes = table.offsets[table.count]! + store.length;
  for (let bit = 0; bit < store.length * 8; bit++) {
    const bytes = Buffer.from(store);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const length = storeTableBytes(bytes.subarray(bytes.length - 32), fileBytes);
    if (length === bytes.length && decodeStoreTable(bytes) !== null) t.fail(`store table, bit ${bit}`);
  }
  t.pass(`${(sidecar.length + store.length) * 8} bits`);
  t.end();
});
