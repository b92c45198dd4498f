import { encodeText } from '@lockstep/kernel';
import { ByteWriter } from './byte-writer.ts';
import { writeSettleHead, writeSettlementGroup } from './encoder.ts';
import { outcomeCode } from './format.ts';

/** The command that takes messages out of their queue for good, whoever holds them; of those that are not there nothing is made. */
export function discardCommand(queue: string, positions: readonly number[]): Uint8Array {
  const out = new ByteWriter(0);
  writeSettleHead(out);
  writeSettlementGroup(out, encodeText(queue), outcomeCode.discard, positions, 0, positions.length);
  return out.view(0, out.length);
}
