import type { DestinationPolicy } from './destination-policy.ts';
import type { StreamRules } from './stream/stream-rules.ts';

export interface BrokerOptions {
  /** Name of this node: its proposal stream bears it. */
  readonly node: string;
  /** Drawn when this process began: no other process of the node has the same. */
  readonly run: string;
  /** Milliseconds since the epoch, by this node's wall clock: when its clients sent their messages. */
  readonly wallMs: () => number;
  /** For tests, which break one and see that it is noticed. */
  readonly rules?: StreamRules;
  /** Where no policy says otherwise: counted deliveries after which a message goes to the dead letters. At least 1; 6 by default. */
  readonly maxDeliveries: number;
  /** Likewise, where they go: `/queue/…`. */
  readonly deadLetterQueue: string;
  /** The policy of that destination; null: none. Asked on the master alone, whenever it matters. */
  readonly policyOf: (destination: string) => DestinationPolicy | null;
  /** How far back duplicate ids are looked for: the last so many that were sent, and so long. The master's values count on every replica. */
  readonly duplicateIdsMax: number;
  readonly duplicateAgeMs: number;
  /** What live messages may take in the log (header blocks, bodies, and some 64 bytes for each); sends beyond it are refused. Settlements never are. */
  readonly storeBytesMax: number;
  /** What may be kept of them in memory, some 32 bytes for each; likewise. */
  readonly indexBytesMax: number;
  /** Messages that would be stored are refused while this says why, naming the limit that was passed. Asked on the master for each of them. */
  readonly sendsRefused: () => string | null;
  /** What may wait for one topic subscription beyond its window, before its session is closed as a slow consumer. */
  readonly topicBacklogBytesMax: number;
  /** Header block and body of one message. */
  readonly messageBytesMax: number;
  /** Topic messages of one session that wait for its earlier durable requests; sends beyond it are refused. */
  readonly waitingBytesMax: number;
}

export const defaultBrokerOptions: BrokerOptions = {
  node: 'local',
  run: '',
  wallMs: () => 0,
  maxDeliveries: 6,
  deadLetterQueue: '/queue/ActiveMQ.DLQ',
  policyOf: () => null,
  duplicateIdsMax: 100_000,
  duplicateAgeMs: 600_000,
  storeBytesMax: 1024 * 1024 * 1024,
  indexBytesMax: 1024 * 1024 * 1024,
  sendsRefused: () => null,
  topicBacklogBytesMax: 16 * 1024 * 1024,
  messageBytesMax: 16 * 1024 * 1024,
  waitingBytesMax: 16 * 1024 * 1024,
};
