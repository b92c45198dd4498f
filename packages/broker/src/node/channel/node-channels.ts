import type { MasterMessage, NodeMessage } from '@lockstep/core';
import type { Connection, Log, NodeId } from '@lockstep/kernel';

import { Channel } from './channel.ts';
import type { ChannelLimits } from './channel.ts';
import { readNodeMessage, writeMasterMessage } from './message-codec.ts';
import type { ChannelHello } from './message-codec.ts';

export interface NodeChannelsPorts {
  readonly story: Log;
  readonly limits: ChannelLimits;
  /** False: it does not fit what came before, and its channel is closed. */
  message(node: NodeId, message: NodeMessage): boolean;
  /** A node has come, or is gone. */
  changed(node: NodeId, isOpen: boolean): void;
}

type NodeChannel = Channel<MasterMessage, NodeMessage | ChannelHello>;

const codec = { write: writeMasterMessage, read: readNodeMessage };

/** The master's ends of the channels that the other nodes have opened: one for each node, the newest. */
export class NodeChannels {
  readonly #ports: NodeChannelsPorts;
  /** Those that have said who they are. */
  readonly #open = new Map<NodeId, NodeChannel>();
  readonly #strangers = new Set<NodeChannel>();

  constructor(ports: NodeChannelsPorts) {
    this.#ports = ports;
  }

  get nodes(): ReadonlySet<NodeId> {
    return new Set(this.#open.keys());
  }

  /** `from` has proved that it is that node. */
  accept(connection: Connection, from: NodeId): void {
    const channel: NodeChannel = new Channel(connection, codec, this.#ports.limits, {
      message: (message) => this.#take(channel, from, message),
      closed: (reason) => this.#closed(channel, from, reason),
    });
    this.#strangers.add(channel);
  }

  /** Goes out with the next `flush`; forgotten when the node has no channel. */
  send(node: NodeId, messages: readonly MasterMessage[]): void {
    const channel = this.#open.get(node);
    if (channel !== undefined) for (const message of messages) channel.send(message);
  }

  flush(): void {
    for (const channel of this.#open.values()) channel.flush();
  }

  /** The ports are told. */
  drop(node: NodeId, reason: string): void {
    const channel = this.#open.get(node);
    channel?.close();
    if (channel !== undefined) this.#closed(channel, node, reason);
  }

  /** Says nothing of it to the ports. */
  closeAll(): void {
    for (const channel of [...this.#open.values(), ...this.#strangers]) channel.close();
    this.#open.clear();
    this.#strangers.clear();
  }

  #take(channel: NodeChannel, from: NodeId, message: NodeMessage | ChannelHello): boolean {
    if (message.type !== 'hello') return this.#open.get(from) === channel && this.#ports.message(from, message);
    if (!this.#strangers.delete(channel) || message.node !== from) return false;
    const older = this.#open.get(from);
    if (older !== undefined) {
      older.close();
      this.#ports.changed(from, false);
    }
    this.#open.set(from, channel);
    this.#ports.changed(from, true);
    return true;
  }

  #closed(channel: NodeChannel, from: NodeId, reason: string | null): void {
    if (reason !== null) this.#ports.story.warn(`closed the channel of node ${from}: ${reason}`, { from });
    this.#strangers.delete(channel);
    if (this.#open.get(from) !== channel) return;
    this.#open.delete(from);
    this.#ports.changed(from, false);
  }
}
