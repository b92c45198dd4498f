import { BrokerNode } from '../node/broker-node.ts';
import type { BrokerNodeOptions, RunningNode } from '../node/types.ts';

export type StartNode = (options: BrokerNodeOptions) => Promise<RunningNode>;

/** In a module of its own, which is loaded when it is wanted: no other command needs the broker itself. */
export const startNode: StartNode = async (options) => BrokerNode.start(options);
