import { Buffer } from 'node:buffer';

import { DiskError } from '@lockstep/kernel';
import t from 'tap';

import { ChunkCache } from '../../../src/driver/storage/records/chunk-cache.ts';
import type { ByteSource } from '../../../src/driver/storage/records/byte-source.ts';
import type { RecordBag } from '../../../src/driver/storage/records/record-bag.ts';
import { RecordReader } from '../../../src/driver/storage/records/record-reader.ts';
import type { LogIndex } from '../../../src/driver/storage/log-index.ts';
import { Unwritten } from '../../../src/driver/storage/unwritten.ts';
import { entry } from './harness.ts';

t.test('a file that is given up for another while it is waited for is not taken for damaged', async (t) => {
  const wanted = entry(7, 1);
  let givenUp = false;
  const old: ByteSource = {
    id: 1,
    path: 'journal/old',
    settledEnd: wanted.record.length,
    read: async () => {
      givenUp = true;
      throw new DiskError('EBADF', 'read', 'journal/old');
    },
  };
  const kept: ByteSource = {
    id: 2,
    path: 'records/kept',
    settledEnd: wanted.record.length,
    read: async (into) => Buffer.from(wanted.record).copy(into),
  };
  const place = { offset: 0, length: wanted.record.length };
  const log: Pick<LogIndex, 'locate'> = {
    locate: () => (givenUp ? null : ({ segment: old, place } as ReturnType<LogIndex['locate']>)),
  };
  const bag: Pick<RecordBag, 'locate' | 'damageOf' | 'files'> = {
    files: [],
    locate: () => ({ source: kept, offset: 0, limit: wanted.record.length }),
    damageOf: () => null,
  };
  const reader = new RecordReader(new Unwritten(), log as LogIndex, bag as RecordBag, new ChunkCache(1 << 20));
  const [found] = await reader.read([7], true);
  t.match(found, { index: 7, term: 1 });
});
