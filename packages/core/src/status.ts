import type { JournalPosition, SessionId } from '@lockstep/kernel';
import type { DeadLetter } from './effects.ts';

/** A queue at a glance. Consumers and what they hold are known to the master alone; elsewhere 0. */
export interface QueueStatus {
  readonly name: string;
  /** Live messages: waiting, or with a consumer and not yet acknowledged. */
  readonly depth: number;
  /** Their header blocks and bodies. */
  readonly bytes: number;
  readonly consumers: number;
  /** Handed to consumers and not yet acknowledged. */
  readonly unsettled: number;
}

/** A topic at a glance: known to the master alone. */
export interface TopicStatus {
  readonly name: string;
  readonly consumers: number;
  /** What the subscriptions' windows do not let through yet. */
  readonly waitingMessages: number;
  readonly waitingBytes: number;
}

/** A queue, as far as it matters to why its messages move or do not. */
export interface QueueFacts {
  readonly name: string;
  readonly depth: number;
  readonly bytes: number;
  /** This replica has heard of it: by a message since its process began, or one that is there. */
  readonly known: boolean;
  /** Null on a replica that is not the master. */
  readonly dispatch: DispatchFacts | null;
}

/** What the master alone knows of a queue. Times are by its wall clock, ms since the epoch. */
export interface DispatchFacts {
  /** The mastership began. What was before it, it does not know. */
  readonly sinceMs: number;
  /** Messages that nobody has. */
  readonly ready: number;
  /** Those whose settlement is on its way through the log. */
  readonly settling: number;
  /** Those that could not be read: nobody gets them before there is a new master. */
  readonly setAside: number;
  /** Nodes that may hold messages of the queue and have not said so yet: until then nothing of it is handed out. */
  readonly awaited: readonly string[];
  readonly consumers: readonly ConsumerFacts[];
}

/** A consumer of a queue, as the master sees it. */
export interface ConsumerFacts {
  readonly node: string;
  /** The node's own number of it. */
  readonly consumer: number;
  /** `joining`: what it needs is not in the log yet. `leaving`: it takes nothing more, and waits for its last settlements. `standby`: another has the queue alone. `away`: its node is not attached. */
  readonly state: 'served' | 'standby' | 'joining' | 'leaving' | 'away';
  /** It has the queue alone. */
  readonly exclusive: boolean;
  /** What it holds, settlements under way left out. */
  readonly messages: number;
  readonly bytes: number;
  /** What it may hold. At least one message is always let through. */
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly isFull: boolean;
  /** When it was given what it has held for longest: about, and not before the mastership began. Null: it holds nothing. */
  readonly longestSinceMs: number | null;
}

/** Who has a message. */
export interface HolderFacts {
  readonly state: 'ready' | 'held' | 'settling' | 'set-aside';
  /** Who holds it, or settles it, if that is known. */
  readonly consumer: ConsumerFacts | null;
  /** When it was handed out last, as `longestSinceMs`; null: not by this master. */
  readonly sinceMs: number | null;
}

/** A live message, as far as it matters to why it does not move. */
export interface MessageFacts {
  readonly position: JournalPosition;
  readonly destination: string;
  /** Header block and body together, bytes. */
  readonly size: number;
  /** Counted deliveries. */
  readonly count: number;
  readonly deadLetter: DeadLetter | null;
  /** Null on a replica that is not the master. */
  readonly holder: HolderFacts | null;
}

/** A subscription of a session of this node. */
export interface SubscriptionFacts {
  readonly session: SessionId;
  /** The session's own number of it. */
  readonly subscription: number;
  /** Of a queue: the node's number of the consumer. Of a topic: null. */
  readonly consumer: number | null;
  /** Given to the client and not settled by it. */
  readonly unsettled: number;
  /** Of a topic: what its window does not let through yet. */
  readonly waitingMessages: number;
  readonly waitingBytes: number;
}
