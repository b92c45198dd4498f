import t from 'tap';
import type { Test } from 'tap';

import { BytePool } from '../../src/state/byte-pool.ts';

const large = 100_000;

function filled(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => i % 251);
}

/** What the pool keeps of `source[start, end)`, checked to be the same bytes. */
function keep(t: Test, source: Uint8Array, start: number, end: number): Uint8Array {
  const pool = new BytePool();
  pool.copy(source, start, end, 0);
  t.same(pool.block.subarray(pool.from, pool.from + end - start), source.subarray(start, end));
  return pool.block;
}

t.test('a large part that is most of its memory is kept where it is', async (t) => {
  const source = filled(large);
  t.equal(keep(t, source, 60, large).buffer, source.buffer);
});

t.test('a large part of much larger memory is copied: it must not keep the rest alive', async (t) => {
  const neighbours = filled(3 * large);
  const kept = keep(t, neighbours.subarray(large, 2 * large), 60, large);
  t.not(kept.buffer, neighbours.buffer);
  t.equal(kept.buffer.byteLength, large - 60);
});

t.test('small parts are copied together', async (t) => {
  const source = filled(200);
  const pool = new BytePool();
  pool.copy(source, 0, 150, 10_000);
  const { block } = pool;
  pool.copy(source, 0, 150, 10_000);
  t.not(block.buffer, source.buffer);
  t.equal(pool.block, block);
  t.equal(pool.from, 150);
});
