import { resolveDestination } from './destination.ts';
import { readConsumerAttributes } from './consumer-attributes.ts';
import { missingHeader, shown } from './fault.ts';
import { refuseSubscribeHeaders } from './special-headers.ts';
import type { AckMode, ConsumerAttributes } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';

/** What a SUBSCRIBE asks for. */
export interface SubscribeWish {
  readonly id: string;
  readonly destination: string;
  readonly mode: AckMode;
  readonly prefetchMessages: number;
  readonly attributes: ConsumerAttributes | null;
}

const PREFETCH_MESSAGES_DEFAULT = 1000;
/** More is taken as this: each message that a client holds costs memory here. */
const PREFETCH_MESSAGES_MAX = 65_535;

/** STOMP 1.2, SUBSCRIBE. In 1.0, where `id` may be missing, the destination stands for it. */
export function readSubscribe(frame: Frame): SubscribeWish | Fault {
  const written = frame.header('destination');
  if (written === undefined) return missingHeader('SUBSCRIBE', 'destination', frame.version);
  const id = frame.header('id') ?? (frame.version === '1.0' ? written : undefined);
  if (id === undefined) return missingHeader('SUBSCRIBE', 'id', frame.version);
  const destination = resolveDestination('SUBSCRIBE', written);
  if (typeof destination !== 'string') return destination;
  const mode = frame.header('ack') ?? 'auto';
  if (mode !== 'auto' && mode !== 'client' && mode !== 'client-individual') {
    return {
      message: `SUBSCRIBE: unknown ack mode ${shown(mode)}`,
      hint: 'ack is auto, client or client-individual.',
    };
  }
  const prefetchMessages = readPrefetch(frame);
  if (typeof prefetchMessages !== 'number') return prefetchMessages;
  const attributes = readConsumerAttributes(frame);
  if (attributes !== null && 'message' in attributes) return attributes;
  return refuseSubscribeHeaders(frame, destination) ?? { id, destination, mode, prefetchMessages, attributes };
}

function readPrefetch(frame: Frame): number | Fault {
  for (const name of ['prefetch-count', 'activemq.prefetchSize']) {
    const value = frame.header(name);
    if (value === undefined) continue;
    if (!/^ *\d{1,15} *$/.test(value)) {
      return {
        message: `SUBSCRIBE: bad ${name}: ${shown(value)}`,
        hint: `${name} is a number of messages; 0 stands for ${PREFETCH_MESSAGES_DEFAULT}.`,
      };
    }
    return Math.min(Number(value), PREFETCH_MESSAGES_MAX) || PREFETCH_MESSAGES_DEFAULT;
  }
  return PREFETCH_MESSAGES_DEFAULT;
}
