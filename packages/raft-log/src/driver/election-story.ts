import type { Log, NodeId } from '@lockstep/kernel';
import type { RaftMessage, RaftRole } from '../node/types.ts';

export interface StoryView {
  readonly role: RaftRole;
  readonly term: number;
  readonly leader: NodeId | null;
}

/** Tells in plain words who leads and why that changed; one line a change, none for each try to elect. */
export class ElectionStory {
  readonly #log: Log;
  readonly #node: NodeId;
  readonly #voterCount: () => number;
  #last: StoryView = { role: 'follower', term: 0, leader: null };
  readonly #votes: Set<NodeId> = new Set();
  #votesTerm = 0;
  /** The leader wants this node to stand for election. */
  #asked = false;
  readonly #gone: Set<NodeId> = new Set();
  readonly #met: Set<NodeId> = new Set();

  constructor(log: Log, node: NodeId, voterCount: () => number) {
    this.#log = log;
    this.#node = node;
    this.#voterCount = voterCount;
  }

  heard(message: RaftMessage): void {
    if (message.type === 'timeoutNow') this.#asked = true;
    if (message.type !== 'voteReply' || !message.granted) return;
    if (message.term !== this.#votesTerm) {
      this.#votes.clear();
      this.#votesTerm = message.term;
    }
    this.#votes.add(message.from);
  }

  gone(peer: NodeId): void {
    this.#gone.add(peer);
    if (peer === this.#last.leader) return;
    const what = this.#met.has(peer) ? 'is gone' : 'is not there yet';
    this.#log.info(`node ${peer} ${what}: nobody listens at its address`);
  }

  met(peer: NodeId): void {
    const before = this.#met.has(peer);
    this.#met.add(peer);
    if (this.#gone.delete(peer)) this.#log.info(`node ${peer} is ${before ? 'back' : 'there'}`);
  }

  /** At the end of each turn. */
  tell(now: StoryView): void {
    const before = this.#last;
    if (before.role === now.role && before.term === now.term && before.leader === now.leader) return;
    this.#last = { role: now.role, term: now.term, leader: now.leader };
    const ledBefore = before.leader === this.#node;
    if (now.leader === this.#node && (!ledBefore || before.term !== now.term)) {
      const votes = this.#votesTerm === now.term ? this.#votes.size + 1 : 1;
      this.#log.info(`node ${this.#node} leads (term ${now.term}, ${votes} of ${this.#voterCount()} votes)`);
    } else if (now.leader !== null && now.leader !== before.leader) {
      const text = ledBefore ? 'leads no more: it follows' : 'follows';
      this.#log.info(`node ${this.#node} ${text} node ${now.leader} (term ${now.term})`);
    } else if (now.leader === null && before.leader !== null) {
      this.#tellLost(before.leader, now.term > before.term && now.role === 'follower' ? now.term : null);
    }
    this.#asked = false;
  }

  /** `calledTerm`: somebody else stands for election in that term, and was answered. */
  #tellLost(leader: NodeId, calledTerm: number | null): void {
    if (this.#asked) {
      this.#log.info(`node ${leader} hands leadership over to node ${this.#node}`);
    } else if (calledTerm !== null) {
      const text = leader === this.#node ? `node ${leader} leads no more` : `node ${leader} is not followed any more`;
      this.#log.info(`${text}: another member stands for election (term ${calledTerm})`);
    } else if (leader === this.#node) {
      this.#log.warn(`node ${leader} leads no more: it has not heard a majority for too long`);
    } else {
      const why = this.#gone.has(leader) ? 'its process is gone' : 'it has been silent for too long';
      this.#log.warn(`lost sight of the master, node ${leader}: ${why}, electing`);
    }
  }
}
