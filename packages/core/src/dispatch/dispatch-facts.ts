import type { ConsumerFacts, DispatchFacts, HolderFacts } from '../status.ts';
import type { QueueMessages } from '../state/queue-messages.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { QueueConsumer } from './queue-consumer.ts';
import type { QueueDispatch } from './queue-dispatch.ts';
import { setAside } from './queue-dispatch.ts';

/** When that hand-out was, wall clock; null: not known. */
type TimeOf = (handout: number) => number | null;

function stateOf(consumer: QueueConsumer): ConsumerFacts['state'] {
  const { receiver, closing, served, queue } = consumer;
  if (!receiver.attached) return 'away';
  if (closing) return 'leaving';
  if (!served) return 'joining';
  return queue.isPassedOver(consumer) ? 'standby' : 'served';
}

function consumerFacts(consumer: QueueConsumer, timeOf: TimeOf): ConsumerFacts {
  const { key, receiver, queue, window } = consumer;
  const longest = consumer.longestHeld(queue.queue.list);
  return {
    node: receiver.node,
    consumer: key,
    state: stateOf(consumer),
    exclusive: consumer.attributes.exclusive && !queue.isPassedOver(consumer),
    messages: window.messages,
    bytes: window.bytes,
    messagesMax: window.messagesMax,
    bytesMax: window.bytesMax,
    isFull: !window.hasRoom,
    longestSinceMs: longest === 0 ? null : timeOf(longest),
  };
}

/** What the dispatcher knows of a queue; `dispatch` undefined: nobody has asked for anything of it. */
export function dispatchFacts(
  dispatch: QueueDispatch | undefined,
  depth: number,
  timeOf: TimeOf,
): Omit<DispatchFacts, 'awaited' | 'sinceMs'> {
  if (dispatch === undefined) return { ready: depth, settling: 0, setAside: 0, consumers: [] };
  const consumers = [...dispatch.consumers].map((consumer) => consumerFacts(consumer, timeOf));
  let held = 0;
  for (const { messages } of consumers) held += messages;
  const { out, setAside: aside } = dispatch;
  return { ready: depth - out, settling: Math.max(0, out - held - aside), setAside: aside, consumers };
}

/** Who has the message that the list has just found. */
export function holderFacts(list: QueueMessages, dispatcher: Dispatcher, timeOf: TimeOf): HolderFacts {
  const { holder } = list;
  if (holder === 0) return { state: 'ready', consumer: null, sinceMs: null };
  const sinceMs = list.handout === 0 ? null : timeOf(list.handout);
  if (holder === setAside) return { state: 'set-aside', consumer: null, sinceMs };
  const isSettling = holder % 2 === 1;
  const consumer = dispatcher.consumer(isSettling ? holder - 1 : holder);
  const found = consumer === undefined ? null : consumerFacts(consumer, timeOf);
  return { state: isSettling ? 'settling' : 'held', consumer: found, sinceMs };
}
