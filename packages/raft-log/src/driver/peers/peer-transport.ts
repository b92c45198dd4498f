import { formatAddress } from '@lockstep/kernel';
import type { Address, Clock, Connection, Listener, Log, Network, NodeId, Random } from '@lockstep/kernel';
import { HandedConnection } from './handed-connection.ts';
import { AcceptHandshake } from './handshake.ts';
import { nonceBytes } from './hello.ts';
import type { Hello, LocalIdentity, Refusal } from './hello.ts';
import { IncomingLink } from './incoming-link.ts';
import { judgeHello } from './judge-hello.ts';
import { LogOnce } from './log-once.ts';
import { encodeMessage } from './messages.ts';
import type { HeededMessage, PeerMessage } from './messages.ts';
import { OutgoingLink } from './outgoing-link.ts';
import { performHandshake } from './perform-handshake.ts';
import type { HandshakeResult } from './perform-handshake.ts';
import type { RecordParser } from './raft-messages.ts';
import { dialTunnel } from './tunnel.ts';

export interface PeerTransportOptions {
  /** As it is at the time of the call. */
  readonly local: () => LocalIdentity;
  /** Where the other members listen. */
  readonly peers: ReadonlyMap<NodeId, Address>;
  /** Null: nobody dials in. */
  readonly listen: Address | null;
  readonly secret: Uint8Array | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly log: Log;
  readonly parseRecords: RecordParser;
  /** Bound on one message. */
  readonly frameBytesMax: number;
  /** While more than this is buffered for a peer, it gets no entries. */
  readonly bufferedBytesMax: number;
}

/** All called from the event loop, never from inside a call of the transport. */
export interface PeerEvents {
  message(message: HeededMessage, from: NodeId): void;
  /** What is sent from now on reaches the peer; what was sent before may be lost. Told again when entries were left out for want of room. */
  reachable(peer: NodeId): void;
  /** Its connection broke, or it never had one, and nobody listens at its address. Told again at every try. */
  nobodyListens(peer: NodeId): void;
  /** A peer has proved itself, in either direction. */
  greeted(hello: Hello): void;
  /** May a client's connection be taken? */
  acceptsClients(): boolean;
  /** Must start the connection, now or later. */
  client(connection: Connection, clientAddress: string): void;
}

const connectTimeoutMs = 1000;
const handshakeTimeoutMs = 2000;
const retryMinMs = 20;
const retryMaxMs = 500;
/** A link on which nothing was sent for this long says that its node is there. */
const aliveMs = 500;
/** A peer that says nothing for this long is dialled anew: after a long cut, TCP itself may wait for minutes. */
const silentMs = 3000;
/** Connections whose other side has not proved itself yet. */
const strangersMax = 1024;

interface Peer {
  readonly id: NodeId;
  readonly link: OutgoingLink;
  incoming: IncomingLink | null;
  /** Entries were left out because too much was buffered. */
  starved: boolean;
  idleMs: number;
}

/** Carries messages between the members of one logical broker, and clients' connections to the one that leads. */
export class PeerTransport {
  readonly #options: PeerTransportOptions;
  readonly #events: PeerEvents;
  readonly #peers: Map<NodeId, Peer> = new Map();
  readonly #once: LogOnce;
  readonly #strangers: Map<Connection, () => void> = new Map();
  #listener: Listener | null = null;
  #closed = false;

  private constructor(options: PeerTransportOptions, events: PeerEvents) {
    this.#options = options;
    this.#events = events;
    this.#once = new LogOnce(options.log);
    for (const [id, address] of options.peers) {
      const link = this.#makeLink(id, address);
      this.#peers.set(id, { id, link, incoming: null, starved: false, idleMs: 0 });
    }
  }

  /** Resolves when the listener is open; dialling has begun then. Rejects with NetworkError. */
  static async open(options: PeerTransportOptions, events: PeerEvents): Promise<PeerTransport> {
    const transport = new PeerTransport(options, events);
    if (options.listen !== null) {
      transport.#listener = await options.network.listen(options.listen, (connection) => transport.#accept(connection));
    }
    for (const peer of transport.#peers.values()) peer.link.dial();
    return transport;
  }

  /** Where peers can dial in; null without a listener. */
  get address(): Address | null {
    return this.#listener?.address ?? null;
  }

  isUp(peer: NodeId): boolean {
    return this.#peers.get(peer)?.link.up === true;
  }

  /** Goes out with the next `flush`. Forgotten when the peer can't be reached; entries also when it takes them in too slowly. */
  send(to: NodeId, message: PeerMessage): void {
    const peer = this.#peers.get(to);
    if (peer === undefined || !peer.link.up) return;
    const heavy = message.type === 'append' && message.entries.length > 0;
    if (heavy && peer.link.bufferedBytes > this.#options.bufferedBytesMax) {
      peer.starved = true;
      return;
    }
    peer.idleMs = 0;
    peer.link.send(encodeMessage(message));
  }

  broadcast(message: PeerMessage): void {
    for (const id of this.#peers.keys()) this.send(id, message);
  }

  flush(): void {
    for (const peer of this.#peers.values()) peer.link.flush();
  }

  /** `ms` have passed (a stall counts little: what came in meanwhile has not been read yet). */
  tick(ms: number): void {
    for (const peer of this.#peers.values()) {
      peer.idleMs += ms;
      if (peer.idleMs >= aliveMs) {
        this.send(peer.id, { type: 'alive' });
        peer.link.flush();
      }
      const incoming = peer.incoming;
      if (incoming === null) continue;
      incoming.silentMs += ms;
      if (incoming.silentMs < silentMs) continue;
      peer.incoming = null;
      incoming.drop();
      peer.link.drop();
    }
  }

  /** A connection to that member whose bytes are a client's. Rejects when it does not lead, or can't be reached. */
  dialClient(to: NodeId, clientAddress: string): Promise<Connection> {
    const { peers, clock, random, network, secret, local } = this.#options;
    const address = peers.get(to);
    if (address === undefined) return Promise.reject(new Error(`no member ${to} to pass a client on to`));
    const judge = (hello: Hello): Refusal | null => judgeHello(hello, local(), peers, to);
    const timeouts = { connectTimeoutMs, handshakeTimeoutMs };
    return dialTunnel({ clock, random, network, secret, local: local(), judge, address, clientAddress, ...timeouts });
  }

  /** The listener closes first, so that whoever dials again learns at once that nobody is there. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#listener?.close();
    for (const abandon of this.#strangers.values()) abandon();
    this.#strangers.clear();
    for (const peer of this.#peers.values()) {
      peer.link.close();
      peer.incoming?.drop();
    }
  }

  #makeLink(id: NodeId, address: Address): OutgoingLink {
    const { clock, random, network, secret, local, peers } = this.#options;
    const judge = (hello: Hello): Refusal | null => judgeHello(hello, local(), peers, id);
    const timing = { connectTimeoutMs, handshakeTimeoutMs, retryMinMs, retryMaxMs };
    return new OutgoingLink(
      { address, clock, random, network, secret, local, judge, ...timing },
      {
        up: (hello) => {
          this.#once.over(`${id} rejected`);
          this.#events.greeted(hello);
          this.#events.reachable(id);
        },
        nobodyListens: () => this.#events.nobodyListens(id),
        rejected: (refusal, byPeer) => this.#rejected(id, address, refusal, byPeer),
        drained: () => {
          const peer = this.#peerOf(id);
          if (!peer.starved) return;
          peer.starved = false;
          this.#events.reachable(id);
        },
      },
    );
  }

  #peerOf(id: NodeId): Peer {
    const peer = this.#peers.get(id);
    if (peer === undefined) throw new Error(`no such peer: ${id}`);
    return peer;
  }

  #rejected(id: NodeId, address: Address, refusal: Refusal, byPeer: boolean): void {
    const text = byPeer
      ? `node ${id} at ${formatAddress(address)} refuses this node: ${refusal.text}`
      : `node ${id} at ${formatAddress(address)} is not one to work with: ${refusal.text}`;
    // Another reason is news: who has mended one fault sees the next.
    this.#once.warn(`${id} rejected ${refusal.code}`, text);
  }

  #accept(connection: Connection): void {
    if (this.#closed || this.#strangers.size >= strangersMax) {
      connection.start({ data() {}, drain() {}, end() {}, close() {} });
      connection.destroy();
      return;
    }
    const { local, secret, random, clock } = this.#options;
    const handshake = new AcceptHandshake(local(), secret, random.bytes(nonceBytes), (hello) => this.#judge(hello));
    const abandon = performHandshake(connection, handshake, clock, handshakeTimeoutMs, (result) => {
      this.#strangers.delete(connection);
      this.#accepted(connection, result);
    });
    this.#strangers.set(connection, abandon);
  }

  #judge(hello: Hello): Refusal | null {
    const refusal = judgeHello(hello, this.#options.local(), this.#options.peers, null);
    if (refusal !== null || hello.kind === 'raft' || this.#events.acceptsClients()) return refusal;
    return { code: 'not-leading', text: 'it does not lead' };
  }

  #accepted(connection: Connection, result: HandshakeResult): void {
    if (result.type === 'lost') return;
    if (result.type === 'refused') {
      if (result.refusal.code === 'not-leading') return;
      const { host } = connection.remote;
      this.#once.warn(
        `${host} ${result.refusal.code}`,
        `turned away a peer connection from ${host}: ${result.refusal.text}`,
      );
      return;
    }
    if (result.hello.kind === 'client') {
      const handed = new HandedConnection(connection, this.#options.clock);
      result.take(handed.below);
      this.#events.client(handed, result.hello.clientAddress);
      return;
    }
    this.#attach(connection, result);
  }

  #attach(connection: Connection, result: Extract<HandshakeResult, { type: 'accepted' }>): void {
    const peer = this.#peerOf(result.hello.node);
    const incoming: IncomingLink = new IncomingLink(connection, result.hello, this.#options, {
      message: (message) => {
        if (message.type !== 'alive') this.#events.message(message, peer.id);
      },
      violated: (text) => {
        this.#once.warn(`${peer.id} violated`, `closed the connection from node ${peer.id}: ${text}`);
      },
      closed: () => {
        if (peer.incoming !== incoming) return;
        peer.incoming = null;
        if (!this.#closed) peer.link.check();
      },
    });
    peer.incoming?.drop();
    peer.incoming = incoming;
    this.#events.greeted(result.hello);
    // It speaks to us, so it listens: no need to wait for the next try.
    peer.link.dial();
    result.take(incoming);
  }
}
