import type { Broker, MasterMessage, NodeMessage, Proposer } from '@lockstep/core';
import type { Clock, Connection, JournalPosition, Log, NodeId, Timer } from '@lockstep/kernel';
import type { ProposeRefusal } from '@lockstep/raft-log';

import type { ChannelLimits } from './channel/channel.ts';
import { NodeChannels } from './channel/node-channels.ts';
import { Leases } from './leases.ts';
import { UnderWay } from './under-way.ts';

/** The replicated log, as the master needs it. */
export interface MasterLog {
  propose(commands: readonly Uint8Array[]): JournalPosition | ProposeRefusal;
  /** This node leads, and has heard a majority lately. */
  leading(): boolean;
  /** This node's own disk holds the log up to here. */
  persistedIndex(): number;
  /** See `ReplicatedLog.dead`. */
  isDead(node: NodeId): boolean;
  /** See `ReplicatedLog.isSilent`. */
  isSilent(node: NodeId): boolean;
  /** See `ReplicatedLog.keepPosted`. */
  keepPosted(nodes: ReadonlySet<NodeId>): void;
}

/** So often it is looked for nodes that say nothing, though their channels are open: a process that stands still, a cable that is cut. */
const lookMs = 250;

export interface MasterEndOptions {
  readonly node: NodeId;
  readonly clock: Clock;
  readonly broker: Broker;
  readonly log: MasterLog;
  readonly story: Log;
  readonly limits: ChannelLimits;
  /** What the SENDs of one node may have outstanding, bytes; and what all of them may before nobody may have more. */
  readonly windowBytes: number;
  readonly leaseMs: number;
  readonly leaseOver: (silentMs: number, leaseMs: number) => boolean;
  /** Something has come in: call `beginTurn` and the rest at the end of this turn. */
  readonly wake: () => void;
}

/** What the master has for the other nodes: their channels, what their SENDs may take, and their leases. */
export class MasterEnd implements Proposer {
  readonly #options: MasterEndOptions;
  readonly #channels: NodeChannels;
  readonly #leases: Leases;
  readonly #underWay = new UnderWay();
  #windowBytes: number;
  #leads = false;
  #held = false;
  #timer: Timer | null = null;
  /** Silent when it was last looked. */
  #silentNodes: readonly NodeId[] = [];
  /** As the broker was told: 0 is given for different reasons. */
  #told = '';

  constructor(options: MasterEndOptions) {
    this.#options = options;
    this.#windowBytes = options.windowBytes;
    const { clock, broker, leaseMs, leaseOver, story, limits } = options;
    this.#leases = new Leases({
      clock,
      leaseMs,
      isOver: leaseOver,
      lapse: (node) => {
        story.info(
          `node ${node} holds no messages for its clients any more: what they had not acknowledged goes to others`,
          {
            silent: node,
          },
        );
        broker.lapse(node);
        options.wake();
      },
    });
    this.#channels = new NodeChannels({
      story,
      limits,
      message: (node, message) => this.take(node, message),
      changed: (node, isOpen) => this.#changed(node, isOpen),
    });
  }

  /** This node leads. What other nodes' clients may hold waits for those nodes, or for their leases. */
  lead(): void {
    const { broker } = this.#options;
    this.#leads = true;
    this.#told = '';
    broker.becomeMaster(this);
    for (const node of broker.awaited) this.#silent(node);
    this.#lookLater();
  }

  /** Harmless when it does not lead. */
  resign(): void {
    const { broker, log } = this.#options;
    if (!this.#leads) return;
    this.#leads = false;
    this.#timer?.cancel();
    this.#channels.closeAll();
    this.#leases.end();
    this.#underWay.clear();
    log.keepPosted(new Set());
    broker.resign();
  }

  /** The broker has learnt that another leads, before this was told. */
  get isDeposed(): boolean {
    return this.#leads && !this.#options.broker.master;
  }

  /** `from` has opened a channel. Refused by its close while this node is not the master. */
  accept(connection: Connection, from: NodeId): void {
    if (this.#options.broker.master) this.#channels.accept(connection, from);
    else connection.destroy();
  }

  /** What a node says. False: it does not fit what came before. */
  take(node: string, message: NodeMessage): boolean {
    if (!this.#options.broker.fromNode(node, message)) return false;
    if (message.type === 'attach') this.#leases.heard(node);
    this.#options.wake();
    return true;
  }

  /** The way to the node is gone. */
  detached(node: string): void {
    const { broker } = this.#options;
    if (!broker.master) return;
    broker.nodeDetached(node);
    this.#silent(node);
    this.#options.wake();
  }

  /** See `Leases.leftMs`. */
  leaseLeftMs(node: string): number | null {
    return this.#leases.leftMs(node);
  }

  died(node: NodeId): void {
    if (this.#options.broker.master && !this.#channels.nodes.has(node)) this.#leases.dead(node);
  }

  send(node: string, messages: readonly MasterMessage[]): void {
    this.#channels.send(node as NodeId, messages);
  }

  flush(): void {
    this.#channels.flush();
  }

  /** Gives nobody room for more (a hand-over is under way), or goes on. What is under way goes on in any case. */
  hold(held: boolean): void {
    this.#held = held;
    this.#options.wake();
  }

  /** See `MasterEndOptions.windowBytes`. */
  limitWindow(bytes: number): void {
    this.#windowBytes = bytes;
    this.#options.wake();
  }

  propose(commands: readonly Uint8Array[]): JournalPosition | null {
    const result = this.#options.log.propose(commands);
    if (typeof result !== 'number') return null;
    let bytes = 0;
    for (const command of commands) bytes += command.byteLength;
    this.#underWay.add(result + commands.length - 1, bytes);
    return result;
  }

  /** Tells the nodes what they may have outstanding, if that is another than before. Answers whether it has to be looked at again though nothing may happen. */
  settle(leading: boolean): boolean {
    const { broker, log } = this.#options;
    this.#underWay.settle(Math.min(broker.applied, log.persistedIndex()));
    const why = this.#whyNone(leading);
    const bytes = why === '' ? this.#windowBytes : 0;
    const told = `${bytes} ${why}`;
    if (told !== this.#told) {
      this.#told = told;
      broker.setWindow(bytes, why);
    }
    return !leading || bytes === 0;
  }

  #whyNone(leading: boolean): string {
    if (this.#held) return 'mastership is being handed over';
    if (!leading) return 'no majority of the members has been heard';
    return this.#underWay.bytes < this.#windowBytes ? '' : 'what was sent before waits for the disk';
  }

  /** Who says nothing twice in a row loses its channel: if it comes back, it finds that out, and attaches anew. */
  #look(): void {
    const { log } = this.#options;
    const silent = [...this.#channels.nodes].filter((node) => log.isSilent(node));
    for (const node of silent)
      if (this.#silentNodes.includes(node)) this.#channels.drop(node, 'nothing is heard of it');
    this.#silentNodes = silent;
    this.#lookLater();
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.setTimer(lookMs, () => this.#look());
  }

  #changed(node: NodeId, isOpen: boolean): void {
    this.#options.log.keepPosted(this.#channels.nodes);
    if (!isOpen) this.detached(node);
  }

  #silent(node: string): void {
    this.#leases.silent(node);
    if (this.#options.log.isDead(node as NodeId)) this.#leases.dead(node);
  }
}
