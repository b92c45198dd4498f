import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';

import {
  checksumOfRegister,
  emptyRegister,
  registerAfterU32,
  registerAfterZeros,
} from '../../../../src/driver/storage/crc-register.ts';
import { makeEntry, parseRecords } from '../../../../src/driver/storage/index.ts';
import { registerAfterRecord } from '../../../../src/driver/storage/record.ts';
import { cutRun } from '../../../../src/driver/storage/records/cut-run.ts';
import type { Piece, Run } from '../../../../src/driver/storage/records/cut-run.ts';
import { nextSourceId } from '../../../../src/driver/storage/records/byte-source.ts';
import { entryKind } from '../../../../src/node/index.ts';

const bodies = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 900, maxLength: 1100 }));

t.test('the register goes on through zeros and numbers as the checksum of the whole does', (t) => {
  fc.assert(
    fc.property(bodies, fc.nat(3_000_000), fc.nat(0xffff_ffff), (bytes, zeros, value) => {
      const number = Buffer.alloc(4);
      number.writeUInt32LE(value);
      const register = ~crc32(bytes);
      t.equal(
        checksumOfRegister(registerAfterU32(registerAfterZeros(register, zeros), value)),
        crc32(Buffer.concat([bytes, Buffer.alloc(zeros), number])),
      );
    }),
    { numRuns: 50 },
  );
  t.end();
});

interface Case {
  readonly body: Uint8Array;
  /** What lies in front of it that is not wanted. */
  readonly gap: number;
  readonly skipped: number;
  /** Bytes of it that are not what was written. */
  readonly rot: readonly number[];
}

const cases = fc.array(
  fc.record({
    body: bodies,
    gap: fc.constantFrom(0, 0, 0, 32),
    skipped: fc.constantFrom(0, 0, 3),
    rot: fc.oneof(
      { weight: 8, arbitrary: fc.constant<number[]>([]) },
      { weight: 1, arbitrary: fc.array(fc.nat(2000), { maxLength: 3 }) },
    ),
  }),
  { minLength: 1, maxLength: 40 },
);

/** The run as it lies on the disk, and the records that are what was written. */
function layOut(list: readonly Case[]): { run: Run; bytes: Buffer; intact: Map<number, Uint8Array> } {
  const source = { id: nextSourceId(), path: 'file', settledEnd: 0, read: () => Promise.resolve(0) };
  const run: Run = { source, offset: 1000, end: 1000, positions: [], spans: [] };
  const parts: Uint8Array[] = [];
  const intact = new Map<number, Uint8Array>();
  let position = 2 ** 33;
  for (const { body, gap, skipped, rot } of list) {
    position += 1 + skipped;
    const { record } = makeEntry(position, 5, entryKind.command, body);
    const found = Buffer.from(record);
    for (const at of rot) found[at % found.length]! ^= 1 + (at % 255);
    if (found.equals(record)) intact.set(position, record);
    parts.push(new Uint8Array(gap).fill(7), found);
    const offset = run.end + gap;
    run.end = offset + found.length;
    run.positions.push(position);
    run.spans.push({ source, offset, limit: run.end });
  }
  return { run, bytes: Buffer.concat(parts), intact };
}

t.test('of a run, what is intact comes out whole and in order, and the rest is named', (t) => {
  fc.assert(
    fc.property(cases, fc.constantFrom(0, 0, 0, 50), (list, cutOff) => {
      const { run, bytes, intact } = layOut(list);
      const read = bytes.subarray(0, Math.max(0, bytes.length - cutOff));
      const whole = run.positions.filter((_, i) => run.spans[i]!.limit - run.offset <= read.length);
      const wanted = whole.filter((position) => intact.has(position));
      const pieces: Piece[] = [];
      const doubtful: number[] = [];
      cutRun(run, read, pieces, doubtful);
      const found = pieces.flatMap(({ bytes }) => parseRecords(bytes));
      t.strictSame(
        found.map(({ index }) => index),
        wanted,
      );
      t.ok(found.every(({ index, record }) => Buffer.from(intact.get(index)!).equals(record)));
      t.strictSame(
        pieces.map(({ first }) => first),
        pieces.map(({ bytes }) => parseRecords(bytes)[0]!.index),
      );
      t.strictSame(
        doubtful,
        run.positions.filter((position) => !wanted.includes(position)),
      );
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test('the checksum of many records follows from those of each', (t) => {
  fc.assert(
    fc.property(fc.array(bodies, { minLength: 1, maxLength: 20 }), (list) => {
      const records = list.map((body, i) => makeEntry(i + 1, 3, entryKind.command, body).record);
      const bytes = Buffer.concat(records);
      let register = emptyRegister;
      let offset = 0;
      for (const { length } of records) {
        register = registerAfterRecord(register, bytes, offset);
        offset += length;
      }
      t.equal(checksumOfRegister(register), crc32(bytes));
    }),
  );
  t.end();
});
