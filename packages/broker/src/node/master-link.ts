import type { MasterMessage, NodeMessage } from '@lockstep/core';
import type { Clock, Connection, Log, NodeId, Timer } from '@lockstep/kernel';
import type { Leadership } from '@lockstep/raft-log';

import { Channel } from './channel/channel.ts';
import type { ChannelLimits } from './channel/channel.ts';
import { FrameWriter } from './channel/frame-writer.ts';
import { readMasterMessage, writeHello, writeNodeMessage } from './channel/message-codec.ts';

/** Between attempts to reach a master that did not take the channel (it is just being elected, or just gone). */
const retryMs = 25;

export interface MasterLinkPorts {
  readonly node: NodeId;
  /** Names this process. */
  readonly run: string;
  readonly clock: Clock;
  readonly story: Log;
  readonly limits: ChannelLimits;
  /** Rejects when that node does not lead or can't be reached. */
  dial(master: NodeId): Promise<Connection>;
  /** A way to the master is open: to this node itself, or another. */
  opened(): void;
  /** The way is gone. */
  lost(): void;
  /** Of a master on another node. */
  message(message: MasterMessage): void;
}

type MasterChannel = Channel<NodeMessage, MasterMessage>;

const codec = { write: writeNodeMessage, read: readMasterMessage };

/** This node's way to whoever is the master: in process when it is this node, else over a channel, which is dialled until it is there. */
export class MasterLink {
  readonly #ports: MasterLinkPorts;
  #master: NodeId | null = null;
  #way: MasterChannel | 'here' | null = null;
  /** Only the newest attempt counts. */
  #attempt = 0;
  #retry: Timer | null = null;
  #closed = false;

  constructor(ports: MasterLinkPorts) {
    this.#ports = ports;
  }

  get isOpen(): boolean {
    return this.#way !== null;
  }

  /** The master is this node. */
  get isHere(): boolean {
    return this.#way === 'here';
  }

  leadershipChanged({ leading, leader }: Pick<Leadership, 'leading' | 'leader'>): void {
    const { node } = this.#ports;
    const master = leading ? node : leader === node ? null : leader;
    if (master === this.#master || this.#closed) return;
    this.#drop();
    this.#master = master;
    if (master === node) {
      this.#way = 'here';
      this.#ports.opened();
    } else if (master !== null) void this.#dial(master);
  }

  /** To a master on another node; goes out with the next `flush`. */
  send(messages: readonly NodeMessage[]): void {
    const way = this.#way;
    if (way instanceof Channel) for (const message of messages) way.send(message);
  }

  flush(): void {
    if (this.#way instanceof Channel) this.#way.flush();
  }

  /** What it said does not fit, or the other way round: begins anew. */
  reset(): void {
    const master = this.#master;
    this.#drop();
    if (master === null || this.#closed) return;
    this.#master = master;
    this.#tryLater(master);
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #drop(): void {
    this.#attempt++;
    this.#retry?.cancel();
    this.#master = null;
    const way = this.#way;
    if (way === null) return;
    this.#way = null;
    if (way !== 'here') way.close();
    this.#ports.lost();
  }

  async #dial(master: NodeId): Promise<void> {
    this.#attempt++;
    const attempt = this.#attempt;
    const connection = await this.#ports.dial(master).catch(() => null);
    if (attempt !== this.#attempt) connection?.destroy();
    else if (connection === null) this.#tryLater(master);
    else this.#open(connection, master);
  }

  #tryLater(master: NodeId): void {
    const { node, clock } = this.#ports;
    this.#retry = clock.setTimer(retryMs, () => {
      if (master !== node) return void this.#dial(master);
      this.#way = 'here';
      this.#ports.opened();
    });
  }

  #open(connection: Connection, master: NodeId): void {
    const { node, run, limits, story } = this.#ports;
    const first = new FrameWriter();
    writeHello(first, { node, run });
    const channel: MasterChannel = new Channel(
      connection,
      codec,
      limits,
      {
        message: (message) => {
          this.#ports.message(message);
          return true;
        },
        closed: (reason) => {
          if (reason !== null) story.warn(`closed the channel to node ${master}: ${reason}`, { master });
          if (this.#way === channel) this.reset();
        },
      },
      first,
    );
    this.#way = channel;
    this.#ports.opened();
  }
}
