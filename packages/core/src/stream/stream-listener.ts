import type { Refusal } from '../requests.ts';

/**
 * Hears, in log order, what applied commands did to the nodes' proposal streams: on every node the same. The state has changed already; whoever
 * listens does not change it.
 */
export interface StreamListener {
  /** The node's stream is of that run now, and `epoch` names it. What its epoch was before has lapsed, and is void. */
  opened(node: string, run: string, epoch: number): void;
  /** Command `number` of that open stream is over. Not `accepted`: the end of a transaction, of which nothing happened. */
  taken(epoch: number, number: number, accepted: boolean): void;
  /** The commands `number` to `through` of that open stream are over: nothing of them happens. */
  refused(epoch: number, number: number, through: number, refusal: Refusal): void;
  /** The stream's node may hold messages of these queues, or (`on` false) does so no longer. */
  marked(epoch: number, queues: readonly string[], on: boolean): void;
  /** What the node of that stream holds may go to others; it has no marks any more. The stream goes on, unless `opened` follows. */
  lapsed(epoch: number): void;
}
