import { AssertionError } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';

import { Applier } from '../../src/driver/applier.ts';
import { LiveSet } from '../../src/driver/live-set.ts';
import { entryPayload, makeEntry } from '../../src/driver/storage/index.ts';
import type { Storage } from '../../src/driver/storage-types.ts';
import type { LiveRecords } from '../../src/driver/types.ts';
import { entryKind } from '../../src/node/index.ts';

/** Applies entries 1 … `count`; the machine does `each` with each command. */
function apply(count: number, each: (position: JournalPosition, records: LiveRecords) => void): LiveSet {
  const live = new LiveSet();
  const applier = new Applier(0, live, {
    tail: (from, to) =>
      Array.from({ length: to - from + 1 }, (_, i) => makeEntry(from + i, 1, entryKind.command, new Uint8Array(1))),
    storage: {} as Storage,
    machine: {
      apply: (commands, records) => {
        for (const { position } of commands) each(position, records);
      },
      snapshot: () => [],
      restore: () => {
        throw new Error('nothing is restored');
      },
      leadershipChanged: () => {},
    },
    entryPayload,
    applied: () => {},
    again: () => {},
    failed: (error) => {
      throw error;
    },
  });
  for (let index = 1; index <= count; index++) applier.step(index);
  return live;
}

t.test('what is retained lives until it is released, and nothing else does', async (t) => {
  const live = apply(10, (position, records) => {
    if (position % 2 === 0) records.retain(position);
    if (position === 9) records.release(4 as JournalPosition);
  });
  t.same(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].filter((position) => live.has(position)),
    [2, 6, 8, 10],
  );
});

t.test('a command can be retained only as it is applied: later its record may be gone', async (t) => {
  t.throws(
    () =>
      apply(3, (position, records) => {
        if (position === 3) records.retain(2 as JournalPosition);
      }),
    AssertionError,
  );
});
