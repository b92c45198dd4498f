import { Broker, defaultBrokerOptions } from '../../src/index.ts';
import type { BrokerEffect, BrokerOptions, MasterMessage, NodeMessage } from '../../src/index.ts';
import type { Client } from './client.ts';

/** What one node says to the master, and hears of it; either end may break first. */
export interface Channel {
  readonly node: Node;
  readonly master: Node;
  readonly up: NodeMessage[];
  readonly down: MasterMessage[];
  /** The node, or the master, has not noticed that it is broken. */
  openAtNode: boolean;
  openAtMaster: boolean;
}

export interface Node {
  readonly name: string;
  alive: boolean;
  broker: Broker;
  run: number;
  clients: Client[];
  effects: BrokerEffect[];
  channel: Channel | null;
  /** On a master: of each node that it serves. */
  readonly served: Map<string, Channel>;
  readonly heardMs: Map<string, number>;
  /** On a master: what it has handed out. */
  readonly handed: Set<number>;
  /** No way leads to a master before. */
  cutOffUntilMs: number;
  replacedAtMs: number;
  /** Where the next proposal of a master that has been replaced would stand. */
  phantom: number;
}

/** A process that has applied nothing yet. */
export function newNode(
  name: string,
  run: number,
  world: Pick<BrokerOptions, 'rules' | 'wallMs' | 'sendsRefused'>,
): Node {
  const options = { ...defaultBrokerOptions, ...world, node: name, run: `${name}${run}`, maxDeliveries: 1e4 };
  return {
    name,
    alive: true,
    broker: new Broker(options),
    run,
    clients: [],
    effects: [],
    channel: null,
    served: new Map(),
    heardMs: new Map(),
    handed: new Set(),
    cutOffUntilMs: 0,
    replacedAtMs: 0,
    phantom: 0,
  };
}
