import { defaultPriority } from '@lockstep/core';
import { transcodeHeaderBlock } from '../codec/index.ts';
import type { Effect } from '@lockstep/core';
import type { Frame, FrameWriter, StompVersion } from '../codec/index.ts';

// `NewMessage.envelope`: in which version's escaping the header block is, and whether the SEND had a content-length.
const VERSIONS: readonly StompVersion[] = ['1.0', '1.1', '1.2'];
const VERSION_BITS = 3;
const COUNTED = 4;

export function envelopeOf(frame: Frame): number {
  return VERSIONS.indexOf(frame.version) | (frame.hasContentLength ? COUNTED : 0);
}

/** In which version's escaping a message's header block is. */
export function versionOf(envelope: number): StompVersion {
  return VERSIONS[envelope & VERSION_BITS] ?? '1.2';
}

type Delivery = Extract<Effect, { type: 'deliver' }>;

/**
 * Writes a MESSAGE: the broker's own headers first, so that they are the ones that count (STOMP 1.2, Repeated Header
 * Entries), then the sender's as they came.
 */
export function writeMessage(
  writer: FrameWriter,
  delivery: Delivery,
  messageId: string,
  subscriptionId: string,
  ackId: string | null,
): void {
  const { message } = delivery;
  const { version } = writer;
  writer.begin('MESSAGE');
  writer.header('message-id', messageId);
  writer.header('subscription', subscriptionId);
  if (ackId !== null) writer.header('ack', ackId);
  writer.header('destination', message.destination);
  // NMS.Stomp tells text from bytes by its presence in 1.0 and 1.1.
  if (version === '1.2' || (message.envelope & COUNTED) !== 0) writer.number('content-length', message.body.length);
  if (delivery.redelivered) writer.header('redelivered', 'true');
  writer.number('delivery-count', delivery.deliveryCount);
  writer.number('timestamp', message.timestampMs);
  if (message.destination.startsWith('/queue/')) writer.header('persistent', 'true');
  writer.number('priority', message.attributes?.priority ?? defaultPriority);
  if (message.deadLetter !== null) {
    writer.header('dead-letter-reason', message.deadLetter.reason);
    writer.header('original-destination', message.deadLetter.originalDestination);
  }
  writer.headerBlock(transcodeHeaderBlock(message.headerBlock, versionOf(message.envelope), version));
  writer.end(message.body);
}
