import type { NodeId } from '@lockstep/kernel';
import type { DeadMembers } from './dead-members.ts';
import type { Founding } from './founding.ts';
import type { MembershipDriver } from './membership/membership-driver.ts';
import type { Hello } from './peers/hello.ts';
import { isMemberMessage, isRecordsMessage, isRequestMessage, isSnapshotMessage } from './peers/messages.ts';
import type { HeededMessage } from './peers/messages.ts';
import type { RaftLoop } from './raft-loop.ts';

export interface PeerTrafficPorts {
  readonly members: MembershipDriver;
  readonly founding: Founding;
  readonly dead: DeadMembers;
  /** Null before this node is a member. */
  readonly loop: () => RaftLoop | null;
  readonly isUp: (peer: NodeId) => boolean;
  /** Who refuses a connection is dead. */
  readonly refusedMeansDead: boolean;
}

/** Passes on what peers send, and what is seen of them, to whom it concerns. */
export class PeerTraffic {
  readonly #ports: PeerTrafficPorts;

  constructor(ports: PeerTrafficPorts) {
    this.#ports = ports;
  }

  /** There is a loop from now on: it hears how the peers stand. */
  tell(loop: RaftLoop): void {
    const { members, dead, isUp } = this.#ports;
    for (const peer of members.membership.peers.keys()) if (isUp(peer)) loop.reachable(peer);
    for (const peer of dead.all) loop.input({ type: 'peerDown', peer });
  }

  receive(message: HeededMessage, from: NodeId): void {
    const { members, founding, dead } = this.#ports;
    const loop = this.#ports.loop();
    dead.heard(from);
    if (isMemberMessage(message)) {
      if (message.type === 'announce' && message.configuration !== null) members.hinted(message.configuration);
      founding.receive(message, from);
    } else if (isRequestMessage(message)) members.changes.receive(message, from);
    else if (isSnapshotMessage(message) || isRecordsMessage(message)) loop?.receiveTransfer(message, from);
    else loop?.receive(message);
  }

  greeted(hello: Hello): void {
    this.#ports.dead.heard(hello.node);
    this.#ports.members.greeted(hello);
    this.#ports.founding.heard(hello);
  }

  reachable(peer: NodeId): void {
    const { members, founding, dead, loop } = this.#ports;
    dead.heard(peer);
    members.reachable(peer);
    // First, since a member forgets what comes from one that it does not know to be founded.
    founding.reachable(peer);
    loop()?.reachable(peer);
  }

  nobodyListens(peer: NodeId): void {
    const { members, dead, refusedMeansDead } = this.#ports;
    members.membership.nobodyListens(peer);
    if (refusedMeansDead) dead.nobodyListens(peer);
  }
}
