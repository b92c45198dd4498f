import { concat, pattern, sameBytes, SimRandom } from '@lockstep/testkit';
import t from 'tap';

import { CHUNKS_PER_WRITE, writeFully } from '../../src/ports/write-fully.ts';

t.test('short writes are continued where they stopped, in vectors that are not too long', async (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new SimRandom(seed);
    const chunks = Array.from({ length: random.below(4000) }, (_, i) => pattern(random.below(5), i));
    const wanted = concat(chunks);
    const found = new Uint8Array(wanted.length);
    let longest = 0;
    await writeFully(
      async (left, position) => {
        longest = Math.max(longest, left.length);
        const bytes = concat(left);
        const count = 1 + random.below(bytes.length);
        found.set(bytes.subarray(0, count), position - 7);
        return count;
      },
      chunks,
      7,
    );
    sameBytes(t, found, wanted, 'content');
    t.ok(longest <= CHUNKS_PER_WRITE);
  }
});

t.test('a system that writes nothing and reports nothing is an error, not a loop', async (t) => {
  await t.rejects(
    writeFully(async () => 0, [pattern(1)], 0),
    { code: 'EIO' },
  );
});
