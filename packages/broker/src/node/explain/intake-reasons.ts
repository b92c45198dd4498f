import type { IntakeFacts } from './facts.ts';
import type { Reason } from './types.ts';
import { bytesText } from './wording.ts';

/** What a message takes beside its own bytes, in the store and in the index, about. */
const overheadBytes = 64;
const indexBytes = 32;

/** Why SENDs are refused or slowed. `messageBytes`: of a message that is to be expected. */
export function intakeReasons(intake: IntakeFacts, messageBytes: number): readonly Reason[] {
  const { storeBytes, storeBytesMax, indexBytes: taken, indexBytesMax, disk } = intake;
  const reasons: Reason[] = [];
  if (storeBytes + messageBytes + overheadBytes > storeBytesMax) {
    const text = `SENDs are refused: waiting messages take ${bytesText(storeBytes)} of the ${bytesText(storeBytesMax)} of journal.hardLimitBytes. Consume or remove messages of any queue, or raise the limit`;
    reasons.push({ code: 'store-full', text, storeBytes, storeBytesMax });
  }
  if (taken + indexBytes > indexBytesMax) {
    const text = `SENDs are refused: the index of waiting messages takes ${bytesText(taken)} of the ${bytesText(indexBytesMax)} of limits.indexBytes. Consume or remove messages of any queue, or raise the limit`;
    reasons.push({ code: 'index-full', text, indexBytes: taken, indexBytesMax });
  }
  if (disk.pressure === 'hard') {
    const text = `SENDs are refused: ${disk.reason} on the master. Make room there, or consume messages`;
    reasons.push({ code: 'disk-full', text, why: disk.reason });
  } else if (disk.pressure === 'soft') {
    const text = `producers are slowed: ${disk.reason} on the master. Make room there, or consume messages, before SENDs are refused`;
    reasons.push({ code: 'disk-filling', text, why: disk.reason });
  }
  return reasons;
}
