import type { ByteWriter } from '../commands/byte-writer.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { writeSettleHead, writeSettlementGroup } from '../commands/encoder.ts';
import type { OutcomeCode } from '../commands/format.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';

/** Bounds that keep a settle command far below 1 MiB, however scattered the positions are. */
const groupPositionsMax = 20_000;
const commandBytesWanted = 262_144;

/** Writes the settlements that the queues have gathered, as few commands as fit; returns where each ends in `out`, which was empty. */
export function writeSettlements(out: ByteWriter, dispatcher: Dispatcher, names: DestinationNames): number[] {
  const ends: number[] = [];
  let start = 0;
  writeSettleHead(out);
  for (const queue of dispatcher.settling) {
    const name = names.bytesOf(queue.queue.name);
    for (const [outcome, positions] of queue.toSettle.entries()) {
      for (let from = 0; from < positions.length; from += groupPositionsMax) {
        if (out.length - start > commandBytesWanted) {
          start = out.length;
          ends.push(start);
          writeSettleHead(out);
        }
        const to = Math.min(positions.length, from + groupPositionsMax);
        writeSettlementGroup(out, name, outcome as OutcomeCode, positions, from, to);
      }
    }
  }
  ends.push(out.length);
  return ends;
}
