import { defaultPriority } from '@lockstep/core';
import { HeaderSearch } from '../codec/index.ts';
import { versionOf } from './message-frame.ts';
import type { Message, PropertySource } from '@lockstep/core';

type Property = string | number | boolean | null;

/** A message on its way to a consumer, as it would arrive. */
interface Delivery {
  readonly message: Message;
  readonly redelivered: boolean;
  readonly deliveryCount: number;
}

/** What MESSAGE says in the broker's own words: a header of the sender's of that name does not count (docs/selectors.md). */
const OWN = new Map<string, (delivery: Delivery) => Property>([
  ['message-id', messageId],
  ['JMSMessageID', messageId],
  ['destination', ({ message }) => message.destination],
  ['JMSDestination', ({ message }) => asActiveMq(message.deadLetter?.originalDestination ?? message.destination)],
  ['timestamp', ({ message }) => message.timestampMs],
  ['JMSTimestamp', ({ message }) => message.timestampMs],
  ['priority', priority],
  ['JMSPriority', priority],
  ['persistent', isPersistent],
  ['JMSDeliveryMode', (delivery) => (isPersistent(delivery) ? 'PERSISTENT' : 'NON_PERSISTENT')],
  ['expires', (delivery) => expiresAtMs(delivery) || null],
  ['JMSExpiration', expiresAtMs],
  ['redelivered', ({ redelivered }) => redelivered],
  ['JMSRedelivered', ({ redelivered }) => redelivered],
  ['delivery-count', ({ deliveryCount }) => deliveryCount],
  ['JMSXDeliveryCount', ({ deliveryCount }) => deliveryCount],
  ['JMSXGroupID', ({ message }) => message.attributes?.group || null],
  ['JMSXGroupSeq', ({ message }) => message.attributes?.groupSequence ?? 0],
  ['content-length', ({ message }) => message.body.length],
  ['dead-letter-reason', ({ message }) => message.deadLetter?.reason ?? null],
  ['original-destination', ({ message }) => message.deadLetter?.originalDestination ?? null],
]);

/** JMS's names of what are the sender's headers in STOMP. */
const HEADERS = new Map([
  ['JMSCorrelationID', 'correlation-id'],
  ['JMSType', 'type'],
  ['JMSReplyTo', 'reply-to'],
]);

/** One name that a selector asks for. */
class Known {
  readonly #own: ((delivery: Delivery) => Property) | null;
  readonly #search: HeaderSearch;
  readonly #isReplyTo: boolean;
  /** Of which delivery `#value` is. */
  #readOf = 0;
  #value: Property = null;

  constructor(name: string) {
    this.#own = OWN.get(name) ?? null;
    this.#search = new HeaderSearch(HEADERS.get(name) ?? name);
    this.#isReplyTo = name === 'JMSReplyTo';
  }

  valueOf(delivery: Delivery, number: number): Property {
    if (this.#own !== null) return this.#own(delivery);
    if (this.#readOf !== number) {
      const { headerBlock, envelope } = delivery.message;
      const value = this.#search.valueIn(headerBlock, versionOf(envelope));
      this.#value = value !== null && this.#isReplyTo ? asActiveMq(value) : value;
      this.#readOf = number;
    }
    return this.#value;
  }
}

/**
 * A message's properties for a selector: made once with the names that it asks for, then given one delivery after another. Of a message's headers
 * those alone are decoded that are really asked for, each once.
 */
export class MessageProperties implements PropertySource, Delivery {
  readonly #known = new Map<string, Known>();
  #message: Message | null = null;
  #number = 0;
  redelivered = false;
  deliveryCount = 1;

  /** `names`: the selector's; any other name counts as absent. */
  constructor(names: readonly string[]) {
    for (const name of names) this.#known.set(name, new Known(name));
  }

  get message(): Message {
    return this.#message!;
  }

  /** From now on `property` tells of this delivery, whose bytes are held until `clear` or the next `use`. */
  use(message: Message, redelivered: boolean, deliveryCount: number): void {
    this.#message = message;
    this.redelivered = redelivered;
    this.deliveryCount = deliveryCount;
    this.#number++;
  }

  clear(): void {
    this.#message = null;
  }

  /** All names are unknown while there is no message. */
  property(name: string): string | number | boolean | null {
    if (this.#message === null) return null;
    return this.#known.get(name)?.valueOf(this, this.#number) ?? null;
  }
}

function messageId({ message }: Delivery): string {
  return message.volatileId ?? String(message.position);
}

function priority({ message }: Delivery): number {
  return message.attributes?.priority ?? defaultPriority;
}

function isPersistent({ message }: Delivery): boolean {
  return message.attributes?.persistence !== 'no';
}

function expiresAtMs({ message }: Delivery): number {
  return message.attributes?.expiresAtMs ?? 0;
}

/** `/queue/N` as ActiveMQ's selectors know it: `queue://N`. */
function asActiveMq(destination: string): string {
  const [written, temporary = '', kind] = /^\/(?:remote-)?(temp-)?(queue|topic)\//.exec(destination) ?? [];
  return written === undefined ? destination : `${temporary}${kind}://${destination.slice(written.length)}`;
}
