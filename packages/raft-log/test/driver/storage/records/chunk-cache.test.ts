import t from 'tap';

import { nextSourceId } from '../../../../src/driver/storage/records/byte-source.ts';
import type { ByteSource } from '../../../../src/driver/storage/records/byte-source.ts';
import { ChunkCache, chunkBytes } from '../../../../src/driver/storage/records/chunk-cache.ts';

/** A file of so many bytes; every byte says in which chunk it lies. */
class Source implements ByteSource {
  readonly id: number = nextSourceId();
  readonly path = 'a file';
  settledEnd: number;
  reads: number[] = [];
  fails = false;

  constructor(settledEnd: number) {
    this.settledEnd = settledEnd;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    this.reads.push(position / chunkBytes);
    into.fill(position / chunkBytes);
    return this.fails ? Promise.reject(new Error('no')) : Promise.resolve(into.length);
  }
}

t.test('a chunk is read once, and stays', async (t) => {
  const cache = new ChunkCache(10 * chunkBytes);
  const source = new Source(4 * chunkBytes);
  t.equal(cache.get(source, 2, 1), null);
  const [one, other] = await Promise.all([cache.load(source, 2, true), cache.load(source, 2, true)]);
  t.equal(one, other, 'whoever asks meanwhile shares the read');
  t.same(source.reads, [2]);
  t.equal(cache.get(source, 2, chunkBytes), one);
  t.equal(cache.get(new Source(4 * chunkBytes), 2, 1), null, 'another file');
});

t.test('no more than the bound stays, and what was used last stays longest', async (t) => {
  const cache = new ChunkCache(3 * chunkBytes);
  const source = new Source(10 * chunkBytes);
  for (const chunk of [0, 1, 2]) await cache.load(source, chunk, true);
  cache.get(source, 0, 1);
  await cache.load(source, 3, true);
  t.equal(cache.bytes, 3 * chunkBytes);
  t.same(
    [0, 1, 2, 3].map((chunk) => cache.get(source, chunk, 1) !== null),
    [true, false, true, true],
  );
  await cache.load(source, 4, false);
  t.equal(cache.get(source, 4, 1), null, 'what is not to be kept takes nobody’s place');
});

t.test('a chunk that a file has grown into is read again', async (t) => {
  const cache = new ChunkCache(3 * chunkBytes);
  const source = new Source(100);
  t.equal((await cache.load(source, 0, true)).length, 100);
  t.equal(cache.get(source, 0, 101), null);
  source.settledEnd = 300;
  t.equal((await cache.load(source, 0, true)).length, 300);
  t.equal(cache.get(source, 0, 300)?.length, 300);
  t.equal(cache.bytes, 300, 'the shorter one counts no more');
});

t.test('a read that fails leaves nothing behind', async (t) => {
  const cache = new ChunkCache(3 * chunkBytes);
  const source = new Source(chunkBytes);
  source.fails = true;
  await t.rejects(cache.load(source, 0, true), { message: 'no' });
  source.fails = false;
  t.equal((await cache.load(source, 0, true)).length, chunkBytes);
});
