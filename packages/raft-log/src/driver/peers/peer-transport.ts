import { formatAddress } from '@lockstep/kernel';
import type { Address, Clock, Connection, Listener, Log, MutualTls, Network, NodeId, Random } from '@lockstep/kernel';
import { HandedConnection } from './handed-connection.ts';
import { AcceptHandshake } from './handshake.ts';
import { nonceBytes } from './hello.ts';
import type { Hello, LocalIdentity, Refusal } from './hello.ts';
import { IncomingLink } from './incoming-link.ts';
import { judgeHello } from './judge-hello.ts';
import { LogOnce } from './log-once.ts';
import { encodeMessage, levelOfMessage } from './messages.ts';
import type { HeededMessage, PeerMessage } from './messages.ts';
import { OutgoingLink } from './outgoing-link.ts';
import { performHandshake } from './perform-handshake.ts';
import type { HandshakeResult } from './perform-handshake.ts';
import type { RecordParser } from './raft-messages.ts';
import { dialChannel } from './dial-channel.ts';

export interface PeerTransportOptions {
  /** As it is at the time of the call. */
  readonly local: () => LocalIdentity;
  /** Where the other members listen, to begin with. */
  readonly peers: ReadonlyMap<NodeId, Address>;
  /** Null: nobody dials in. */
  readonly listen: Address | null;
  readonly secret: Uint8Array | null;
  /** With it every connection is under mutual TLS, and a certificate must name its node (`certifies`). */
  readonly tls: MutualTls | null;
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
  /** A node has shown who it is, whether it is taken or turned away. */
  judged(hello: Hello): void;
  /** A member says that this node is none of them any more. Told at every try. */
  removed(by: NodeId): void;
  /** May a node's channel be taken? */
  acceptsChannels(): boolean;
  /** A node has opened a channel. Must start the connection, now or later. */
  channel(connection: Connection, from: NodeId): void;
}

const connectTimeoutMs = 1000;
const handshakeTimeoutMs = 2000;
const retryMinMs = 20;
const retryMaxMs = 500;
/** A link on which nothing was sent for this long says that its node is there. */
const aliveMs = 500;
/** A peer that says nothing for this long is dialled anew: after a long cut, TCP itself may wait for minutes. */
const silentMs = 3000;
/** Of so many processes that spoke as one node it is remembered. */
const runsMax = 8;
/** Connections whose other side has not proved itself yet. */
const strangersMax = 1024;

interface Peer {
  readonly id: NodeId;
  address: Address;
  link: OutgoingLink;
  incoming: IncomingLink | null;
  /** The highest that it speaks; what is newer is not for it. */
  levelMax: number;
  /** The processes that have spoken as this node, the newest last; one that comes again was never gone. */
  runs: readonly string[];
  /** Of two processes at once the one that was there first; null while there is but one, as far as is known. */
  rightful: string | null;
  /** Entries were left out because too much was buffered. */
  starved: boolean;
  idleMs: number;
}

/** Carries messages between the members of one logical broker, and the channels of their sessions to the one that leads. */
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
    for (const [id, address] of options.peers) this.#addPeer(id, address);
  }

  /** Resolves when the listener is open; dialling has begun then. Rejects with NetworkError. */
  static async open(options: PeerTransportOptions, events: PeerEvents): Promise<PeerTransport> {
    const transport = new PeerTransport(options, events);
    if (options.listen !== null) {
      transport.#listener = await transport.#listen(options.listen);
    }
    for (const peer of transport.#peers.values()) peer.link.dial();
    return transport;
  }

  /** Where peers can dial in; null without a listener. */
  get address(): Address | null {
    return this.#listener?.address ?? null;
  }

  /**
   * The other members from now on, and where they listen. Who is new, or has moved, is dialled; what is connected to others is closed.
   */
  setPeers(peers: ReadonlyMap<NodeId, Address>): void {
    if (this.#closed) return;
    for (const [id, peer] of this.#peers) {
      if (peers.has(id)) continue;
      this.#peers.delete(id);
      peer.link.close();
      peer.incoming?.drop();
      this.#once.over(id);
    }
    for (const [id, address] of peers) {
      const peer = this.#peers.get(id);
      if (peer === undefined) {
        this.#addPeer(id, address).link.dial();
      } else if (formatAddress(peer.address) !== formatAddress(address)) {
        peer.link.close();
        peer.address = address;
        peer.link = this.#makeLink(id, address);
        peer.link.dial();
      }
    }
  }

  isUp(peer: NodeId): boolean {
    return this.#peers.get(peer)?.link.up === true;
  }

  /** Goes out with the next `flush`. Forgotten when the peer can't be reached; entries also when it takes them in too slowly. */
  send(to: NodeId, message: PeerMessage): void {
    const peer = this.#peers.get(to);
    if (peer === undefined || !peer.link.up || levelOfMessage(message) > peer.levelMax) return;
    const heavy = message.type === 'append' && message.entries.length > 0;
    if (heavy && peer.link.bufferedBytes > this.#options.bufferedBytesMax) {
      peer.starved = true;
      return;
    }
    peer.idleMs = 0;
    peer.link.send(encodeMessage(message), message.type === 'records' ? message.taken : undefined);
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

  /** A connection to that member whose bytes are the caller's. Rejects when it does not lead, or can't be reached. */
  dialChannel(to: NodeId): Promise<Connection> {
    const { clock, random, network, secret, tls, local } = this.#options;
    const address = this.#peers.get(to)?.address;
    if (address === undefined) return Promise.reject(new Error(`no member ${to} to open a channel to`));
    const judge = (hello: Hello, connection: Connection): Refusal | null => this.#judge(hello, connection, to);
    const ports = { clock, random, network, secret, tls };
    const timeouts = { connectTimeoutMs, handshakeTimeoutMs };
    return dialChannel({ ...ports, local: local(), judge, address, ...timeouts });
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

  #listen(address: Address): Promise<Listener> {
    const { network, tls } = this.#options;
    const accept = (connection: Connection): void => this.#accept(connection);
    if (tls === null) return network.listen(address, accept);
    const onUntrusted = (remote: Address, error: Error): void => this.#turnedAway(remote, 'tls', error.message);
    return network.listen(address, accept, { ...tls, onUntrusted });
  }

  #addPeer(id: NodeId, address: Address): Peer {
    const link = this.#makeLink(id, address);
    const nothingYet = { incoming: null, levelMax: 1, runs: [], rightful: null, starved: false, idleMs: 0 };
    const peer: Peer = { id, address, link, ...nothingYet };
    this.#peers.set(id, peer);
    return peer;
  }

  #makeLink(id: NodeId, address: Address): OutgoingLink {
    const { clock, random, network, secret, tls, local } = this.#options;
    const judge = (hello: Hello, connection: Connection): Refusal | null => this.#judge(hello, connection, id);
    const timing = { connectTimeoutMs, handshakeTimeoutMs, retryMinMs, retryMaxMs };
    return new OutgoingLink(
      { address, clock, random, network, secret, tls, local, judge, ...timing },
      {
        up: (hello) => {
          this.#once.over(`${id} rejected`);
          const peer = this.#peers.get(id);
          if (peer !== undefined) peer.levelMax = hello.levels.max;
          this.#events.greeted(hello);
          this.#events.reachable(id);
        },
        nobodyListens: () => this.#events.nobodyListens(id),
        rejected: (refusal, byPeer) => this.#rejected(id, address, refusal, byPeer),
        untrusted: (text) => this.#rejected(id, address, { code: 'certificate', text }, false),
        drained: () => {
          const peer = this.#peers.get(id);
          if (peer?.starved !== true) return;
          peer.starved = false;
          this.#events.reachable(id);
        },
      },
    );
  }

  #rejected(id: NodeId, address: Address, refusal: Refusal, byPeer: boolean): void {
    if (byPeer && refusal.code === 'removed') this.#events.removed(id);
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
    const handshake = new AcceptHandshake(local(), secret, random.bytes(nonceBytes), (hello) =>
      this.#judge(hello, connection, null),
    );
    const abandon = performHandshake(connection, handshake, clock, handshakeTimeoutMs, (result) => {
      this.#strangers.delete(connection);
      this.#accepted(connection, result);
    });
    this.#strangers.set(connection, abandon);
  }

  /** `expected`: whom we dialled; null when it dialled us. */
  #judge(hello: Hello, connection: Connection, expected: NodeId | null): Refusal | null {
    const names = this.#options.tls === null ? null : (connection.certifiedNames ?? []);
    const refusal = judgeHello({ hello, names, expected }, this.#options.local(), this.#peers);
    // With its certificate right, if it needs one.
    const isKnown = refusal === null || refusal.code === 'version' || refusal.code === 'node';
    if (isKnown && hello.kind === 'raft') this.#events.judged(hello);
    if (refusal !== null || expected !== null) return refusal;
    if (hello.kind === 'raft') return this.#judgeRun(hello);
    return this.#events.acceptsChannels() ? null : { code: 'not-leading', text: 'it does not lead' };
  }

  /** A process that is there again after another took its place was there all the time: two run as one node. */
  #judgeRun({ node, run }: Hello): Refusal | null {
    const peer = this.#peers.get(node);
    if (peer === undefined || run === '') return null;
    if (peer.incoming === null) peer.rightful = null;
    else if (peer.rightful === null && peer.runs.at(-1) !== run && peer.runs.includes(run)) peer.rightful = run;
    if (peer.rightful === null || peer.rightful === run) return null;
    const text = `another process runs as node ${node}, and was there first: one of the two must be stopped`;
    return { code: 'node', text };
  }

  #accepted(connection: Connection, result: HandshakeResult): void {
    if (result.type === 'lost') return;
    if (result.type === 'refused') {
      if (result.refusal.code === 'not-leading') return;
      this.#turnedAway(connection.remote, result.refusal.code, result.refusal.text);
      return;
    }
    if (result.hello.kind === 'sessions') {
      const handed = new HandedConnection(connection, this.#options.clock);
      result.take(handed.below);
      this.#events.channel(handed, result.hello.node);
      return;
    }
    this.#attach(connection, result);
  }

  #turnedAway({ host }: Address, code: string, text: string): void {
    // Several members may be behind one address; what is not of this protocol comes in all forms.
    const about = code === 'malformed' ? `${host} ${code}` : `${host} ${code} ${text}`;
    this.#once.warn(about, `turned away a peer connection from ${host}: ${text}`);
  }

  #attach(connection: Connection, result: Extract<HandshakeResult, { type: 'accepted' }>): void {
    const { hello } = result;
    const peer = this.#peers.get(hello.node);
    if (peer === undefined) throw new Error(`no such peer: ${hello.node}`);
    if (hello.run !== '' && peer.runs.at(-1) !== hello.run) {
      peer.runs = [...peer.runs.filter((run) => run !== hello.run), hello.run].slice(-runsMax);
    }
    const incoming: IncomingLink = new IncomingLink(connection, hello, this.#options, {
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
    this.#events.greeted(hello);
    // It speaks to us, so it listens: no need to wait for the next try.
    peer.link.dial();
    result.take(incoming);
  }
}
