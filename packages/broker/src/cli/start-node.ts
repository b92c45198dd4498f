import type { BrokerNodeOptions, RunningNode } from '../node/types.ts';

export type StartNode = (options: BrokerNodeOptions) => Promise<RunningNode>;

/** Loaded when it is wanted: no other command needs the broker itself. */
export const startNode: StartNode = async (options) => {
  const program = new URL('../node/broker-node.js', import.meta.url).href;
  const { BrokerNode } = (await import(program)) as { BrokerNode: { start: StartNode } };
  return BrokerNode.start(options);
};
