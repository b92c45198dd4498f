import type { NodeId } from '@lockstep/kernel';
import type { ElectionStory } from './election-story.ts';
import type { Founding } from './founding.ts';
import type { MembershipDriver } from './membership/membership-driver.ts';
import type { Hello } from './peers/hello.ts';
import { isMemberMessage, isRecordsMessage, isRequestMessage, isSnapshotMessage } from './peers/messages.ts';
import type { HeededMessage } from './peers/messages.ts';
import type { RaftLoop } from './raft-loop.ts';

export interface PeerTrafficPorts {
  readonly members: MembershipDriver;
  readonly founding: Founding;
  readonly story: ElectionStory;
  /** Null before this node is a member. */
  readonly loop: () => RaftLoop | null;
  readonly isUp: (peer: NodeId) => boolean;
  /** Who refuses a connection is dead. */
  readonly refusedMeansDead: boolean;
}

/** Passes on what peers send, and what is seen of them, to whom it concerns; knows which of them are dead. */
export class PeerTraffic {
  readonly #ports: PeerTrafficPorts;
  readonly #down: Set<NodeId> = new Set();

  constructor(ports: PeerTrafficPorts) {
    this.#ports = ports;
  }

  isDown(peer: NodeId): boolean {
    return this.#down.has(peer);
  }

  /** There is a loop from now on: it hears how the peers stand. */
  tell(loop: RaftLoop): void {
    const { members, isUp } = this.#ports;
    for (const peer of members.membership.peers.keys()) if (isUp(peer)) loop.reachable(peer);
    for (const peer of this.#down) loop.input({ type: 'peerDown', peer });
  }

  receive(message: HeededMessage, from: NodeId): void {
    const { members, founding } = this.#ports;
    const loop = this.#ports.loop();
    this.#heard(from);
    if (isMemberMessage(message)) {
      if (message.type === 'announce' && message.configuration !== null) members.hinted(message.configuration);
      founding.receive(message, from);
    } else if (isRequestMessage(message)) members.changes.receive(message, from);
    else if (isSnapshotMessage(message) || isRecordsMessage(message)) loop?.receiveTransfer(message, from);
    else loop?.receive(message);
  }

  greeted(hello: Hello): void {
    this.#heard(hello.node);
    this.#ports.members.greeted(hello);
    this.#ports.founding.heard(hello);
  }

  reachable(peer: NodeId): void {
    const { members, founding, loop } = this.#ports;
    this.#heard(peer);
    members.reachable(peer);
    // First, since a member forgets what comes from one that it does not know to be founded.
    founding.reachable(peer);
    loop()?.reachable(peer);
  }

  nobodyListens(peer: NodeId): void {
    const { members, story, loop, refusedMeansDead } = this.#ports;
    members.membership.nobodyListens(peer);
    if (!refusedMeansDead || this.#down.has(peer)) return;
    this.#down.add(peer);
    story.gone(peer);
    loop()?.input({ type: 'peerDown', peer });
  }

  /** It lives, whatever was thought. */
  #heard(peer: NodeId): void {
    this.#ports.story.met(peer);
    if (!this.#down.delete(peer)) return;
    this.#ports.loop()?.input({ type: 'peerUp', peer });
  }
}
