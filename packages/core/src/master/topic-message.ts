import type { Message } from '../effects.ts';
import type { NewMessage } from '../requests.ts';

/** A message that nobody stores, with its own copy of the bytes. */
export function makeTopicMessage(
  volatileId: string,
  destination: string,
  timestampMs: number,
  { envelope, headerBlock, body }: NewMessage,
): Message {
  return {
    position: 0,
    volatileId,
    destination,
    timestampMs,
    envelope,
    headerBlock: headerBlock.slice(),
    body: body.slice(),
    deadLetter: null,
  };
}
