import type { DiskState } from '@lockstep/raft-log';

import type { NodeSubscription, NodeView } from './types.ts';

/** All that reasons are made of, gathered at one time. */
export interface Facts {
  /** This node's wall clock, ms since the epoch. */
  readonly nowMs: number;
  /** The last position that the master has applied. */
  readonly applied: number;
  /** Of each node that was asked and has answered, this one included. */
  readonly nodes: readonly NodeView[];
  /** How much longer a silent node keeps what its clients hold; null: it is not silent. */
  readonly leaseLeftMs: (node: string) => number | null;
  readonly intake: IntakeFacts;
}

/** What messages may take up, and do. */
export interface IntakeFacts {
  readonly storeBytes: number;
  readonly storeBytesMax: number;
  readonly indexBytes: number;
  readonly indexBytesMax: number;
  readonly disk: DiskState;
}

/** What that node says of the consumer that it calls so; undefined: it has not answered, or knows of none. */
export function subscriptionOf(facts: Facts, node: string, consumer: number): NodeSubscription | undefined {
  return facts.nodes.find((one) => one.node === node)?.subscriptions.find((one) => one.consumer === consumer);
}
