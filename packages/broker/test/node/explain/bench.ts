import type { ConsumerFacts, DispatchFacts, QueueFacts } from '@lockstep/core';
import type { NodeId } from '@lockstep/kernel';

import type { Facts } from '../../../src/node/explain/facts.ts';
import type { NodeSubscription, NodeView, Reason } from '../../../src/node/explain/types.ts';

export const nowMs = 1_000_000;

export function consumer(more: Partial<ConsumerFacts> = {}): ConsumerFacts {
  return {
    ...{
      node: 'b',
      consumer: 7,
      state: 'served',
      exclusive: false,
      messages: 0,
      bytes: 0,
      messagesMax: 10,
      bytesMax: 1 << 24,
    },
    ...{ isFull: false, longestSinceMs: null },
    ...more,
  };
}

export function dispatch(more: Partial<DispatchFacts> = {}): DispatchFacts {
  return { sinceMs: nowMs - 600_000, ready: 0, settling: 0, setAside: 0, awaited: [], consumers: [], ...more };
}

export function queue(depth: number, more: Partial<DispatchFacts> | null, known = true): QueueFacts {
  const bytes = depth * 100;
  return { name: '/queue/q', depth, bytes, known, dispatch: more === null ? null : dispatch(more) };
}

export function subscription(more: Partial<NodeSubscription> = {}): NodeSubscription {
  return {
    ...{ session: 'b-1-1', client: '127.0.0.1:5000', consumer: 7, unsettled: 1 },
    ...{ waitingMessages: 0, waitingBytes: 0, unsentBytes: 0 },
    ...more,
  };
}

export function view(more: Partial<NodeView> = {}): NodeView {
  const { subscriptions = [] } = more;
  return {
    node: 'b' as NodeId,
    waiting: null,
    heldUpBy: null,
    ...{ applied: 5000, waitsForApply: false, standsStill: false },
    clients: 1,
    total: subscriptions.length,
    subscriptions,
    ...more,
  };
}

export function facts(more: Partial<Facts> = {}): Facts {
  const bounds = { storeBytes: 0, storeBytesMax: Infinity, indexBytes: 0, indexBytesMax: Infinity };
  const intake = { ...bounds, disk: { pressure: 'none', reason: null } } as const;
  return {
    nowMs,
    applied: 5000,
    nodes: [view({ subscriptions: [subscription()] })],
    leaseLeftMs: () => null,
    intake,
    ...more,
  };
}

export function codes(reasons: readonly Reason[]): readonly string[] {
  return reasons.map(({ code }) => code);
}
