import { stripHeaders } from '../codec/index.ts';
import { envelopeOf } from './message-frame.ts';
import { NOT_STORED, NOT_STORED_WITH_ATTRIBUTES, readSendHeaders } from './special-headers.ts';
import type { NewMessage } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';

/** The message that a SEND brings, with views of the frame's bytes; or why it is refused. */
export function readNewMessage(frame: Frame): NewMessage | Fault {
  const attributes = readSendHeaders(frame);
  if (attributes !== null && 'message' in attributes) return attributes;
  const notStored = attributes === null ? NOT_STORED : NOT_STORED_WITH_ATTRIBUTES;
  return { envelope: envelopeOf(frame), headerBlock: stripHeaders(frame, notStored), body: frame.body, attributes };
}
