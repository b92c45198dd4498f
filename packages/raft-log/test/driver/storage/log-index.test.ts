import { SimDisk } from '@lockstep/testkit';
import t from 'tap';

import { LogIndex } from '../../../src/driver/storage/log-index.ts';
import { Segment } from '../../../src/driver/storage/segment.ts';

async function segmentWith(index: LogIndex, disk: SimDisk, sequence: number, indexes: number[]): Promise<Segment> {
  const segment = new Segment(`${sequence}`, sequence, await disk.open(`${sequence}`, 'create'), 64);
  index.segments.push(segment);
  for (const one of indexes) {
    index.push(one, sequence, segment.end, 100);
    segment.end += 100;
  }
  return segment;
}

t.test('a segment stays while a crash can bring its entries back', async (t) => {
  const disk = new SimDisk();
  const index = new LogIndex();
  index.begin(0, 0);
  const first = await segmentWith(index, disk, 1, [1, 2, 3]);
  const second = await segmentWith(index, disk, 2, [4, 5, 6]);
  await segmentWith(index, disk, 3, [5]);
  t.same(index.needless(4, 0), [first], 'the write that replaced 5 and 6 may never have been synced');
  t.same(index.needless(6, 0), [first, second]);
  t.same(index.needless(6, 400), [first], 'a tail stays for followers that are a little behind');
  t.equal(first.replaced, false);
  t.equal(second.replaced, true);
});
