import { resolveDestination } from './destination.ts';
import { missingHeader, shown } from './fault.ts';
import { forbidden } from './permission.ts';
import { refuseUnsubscribeHeaders } from './special-headers.ts';
import { readSubscribe } from './subscribe.ts';
import { Subscription } from './subscription.ts';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';
import type { SessionContext } from './session-context.ts';

const PREFETCH_BYTES_MAX = 16 * 1024 * 1024;
const PREFETCH_BYTES_MIN = 64 * 1024;
/** Of all subscriptions of a connection; later ones get less, so that many of them can't take the node's memory. */
const CONNECTION_PREFETCH_BYTES = 128 * 1024 * 1024;

/** SUBSCRIBE and UNSUBSCRIBE (STOMP 1.2, SUBSCRIBE, UNSUBSCRIBE). */
export class Subscribing {
  readonly #context: SessionContext;
  #subscriptions = 0;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  subscribe(frame: Frame): Fault | null {
    const wish = readSubscribe(frame);
    if ('message' in wish) return wish;
    const { id, destination, mode, prefetchMessages, attributes } = wish;
    if (this.#context.deliveries.subscription(id) !== undefined) {
      return { message: `SUBSCRIBE: subscription id ${shown(id)} is already in use` };
    }
    if (this.#context.deliveries.count >= this.#context.limits.subscriptions) {
      return { message: `SUBSCRIBE: more than ${this.#context.limits.subscriptions} subscriptions on one connection` };
    }
    const fault = forbidden(this.#context.access, 'SUBSCRIBE', destination);
    if (fault !== null) return fault;
    const left = Math.floor((CONNECTION_PREFETCH_BYTES - this.#context.deliveries.prefetchBytes) / 2);
    const prefetchBytes = Math.max(PREFETCH_BYTES_MIN, Math.min(PREFETCH_BYTES_MAX, left));
    this.#subscriptions++;
    const subscription = this.#subscriptions;
    this.#context.deliveries.add(new Subscription(subscription, id, destination, mode, prefetchBytes));
    const token = this.#context.unanswered.add('SUBSCRIBE', destination, frame.header('receipt'), 0);
    const session = this.#context.id;
    this.#context.sink.submit({
      type: 'subscribe',
      session,
      token,
      subscription,
      destination,
      prefetchMessages,
      prefetchBytes,
      attributes,
    });
    return null;
  }

  unsubscribe(frame: Frame): Fault | null {
    const refused = refuseUnsubscribeHeaders(frame);
    if (refused !== null) return refused;
    const destination = this.#context.version === '1.0' ? frame.header('destination') : undefined;
    const id = frame.header('id') ?? destination;
    if (id === undefined) return missingHeader('UNSUBSCRIBE', 'id', this.#context.version);
    let subscription = this.#context.deliveries.subscription(id);
    if (subscription === undefined && destination !== undefined) {
      const resolved = resolveDestination('SUBSCRIBE', destination);
      if (typeof resolved === 'string') subscription = this.#context.deliveries.subscriptionTo(resolved);
    }
    if (subscription === undefined) return { message: `UNSUBSCRIBE: no subscription ${shown(id)} on this connection` };
    this.#context.transactions.breakBy(subscription);
    this.#context.deliveries.remove(subscription);
    const token = this.#context.unanswered.add('UNSUBSCRIBE', subscription.destination, frame.header('receipt'), 0);
    this.#context.sink.submit({
      type: 'unsubscribe',
      session: this.#context.id,
      token,
      subscription: subscription.number,
    });
    return null;
  }
}
