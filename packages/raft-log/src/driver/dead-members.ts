import type { NodeId } from '@lockstep/kernel';
import type { RaftInput } from '../node/index.ts';
import type { ElectionStory } from './election-story.ts';

export interface DeadMembersPorts {
  readonly story: ElectionStory;
  readonly input: (input: Extract<RaftInput, { readonly type: 'peerUp' | 'peerDown' }>) => void;
}

/** Members whose processes are gone, as far as can be told: the connection broke, and nobody listens any more. */
export class DeadMembers {
  readonly #ports: DeadMembersPorts;
  readonly #dead = new Set<NodeId>();
  readonly #listeners: ((member: NodeId) => void)[] = [];

  constructor(ports: DeadMembersPorts) {
    this.#ports = ports;
  }

  has(member: NodeId): boolean {
    return this.#dead.has(member);
  }

  get all(): Iterable<NodeId> {
    return this.#dead;
  }

  /** Told of each that dies. */
  onDeath(listener: (member: NodeId) => void): void {
    this.#listeners.push(listener);
  }

  /** It lives, whatever was thought. */
  heard(member: NodeId): void {
    this.#ports.story.met(member);
    if (this.#dead.delete(member)) this.#ports.input({ type: 'peerUp', peer: member });
  }

  /** Told at every try. */
  nobodyListens(member: NodeId): void {
    if (this.#dead.has(member)) return;
    this.#dead.add(member);
    this.#ports.story.gone(member);
    this.#ports.input({ type: 'peerDown', peer: member });
    for (const listener of this.#listeners) listener(member);
  }
}
