import { joinChunks } from '../disk/file-node.ts';
import type { Simulation } from '../simulation.ts';
import type { Link } from './link.ts';
import type { SimConnection } from './sim-connection.ts';

/** What the two systems hold between them, sent and not yet read, before the sender has to keep the rest. */
const WINDOW_BYTES = 64 * 1024;

interface Packet {
  at: number;
  readonly type: 'data' | 'fin' | 'reset';
  readonly bytes: Uint8Array | null;
}

/** What a stream needs to know of the network around it. */
export interface StreamPath {
  readonly link: Link;
  /** Nothing gets through now: a cut link, or a host without power. */
  blocked(): boolean;
  /** The same for the way back, by which the sender learns that its window has room. */
  backBlocked(): boolean;
  /** How long a sender tries before its connection breaks. */
  readonly giveUpMs: number;
}

/**
 * One direction of a connection. The sender's queue fills a window; what is in it travels in packets that keep their
 * order, and is handed over in chunks that need not be those written.
 */
export class SimStream {
  readonly #simulation: Simulation;
  readonly #path: StreamPath;
  readonly #sender: SimConnection;
  readonly #receiver: SimConnection;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #windowBytes = 0;
  #flight: Packet[] = [];
  #arrived: Uint8Array[] = [];
  #arrivedBytes = 0;
  #deliverAt = Infinity;
  #deliveries = 0;
  #stalledSince = -1;
  #creditWaiting = false;
  #finishing = false;
  #finArrived = false;
  finSent = false;
  finTaken = false;

  constructor(simulation: Simulation, path: StreamPath, sender: SimConnection, receiver: SimConnection) {
    this.#simulation = simulation;
    this.#path = path;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Written, and still with the sender. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Arrived at the receiver's system, and not read by it. */
  get unreadBytes(): number {
    return this.#arrivedBytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
  }

  /** Sends what the window has room for. */
  flush(): void {
    const parts: Uint8Array[] = [];
    let room = WINDOW_BYTES - this.#windowBytes;
    let taken = 0;
    while (taken < this.#queue.length && room > 0) {
      const chunk = this.#queue[taken] as Uint8Array;
      if (chunk.length > room) {
        parts.push(chunk.subarray(0, room));
        this.#queue[taken] = chunk.subarray(room);
        room = 0;
      } else {
        parts.push(chunk);
        room -= chunk.length;
        taken++;
      }
    }
    this.#queue.splice(0, taken);
    if (parts.length > 0) {
      // A copy, as a system makes: what was written is the writer's again.
      const bytes = joinChunks(parts);
      this.#queuedBytes -= bytes.length;
      this.#windowBytes += bytes.length;
      this.#send('data', bytes);
    }
    if (this.#queuedBytes > 0) return;
    this.#sender.queueEmptied();
    if (this.#finishing && !this.finSent) {
      this.finSent = true;
      this.#send('fin', null);
      this.#sender.closeIfDone();
    }
  }

  /** The end of the stream follows what is queued. */
  finish(): void {
    this.#finishing = true;
    this.flush();
  }

  /** The sender closed at once, or died. The receiver sees the end, or a reset; always a reset if it sent what was not read. */
  abandon(mustReset: boolean): void {
    this.#dropQueue();
    if (mustReset || this.#path.link.random.chance(0.5)) this.#send('reset', null);
    else if (!this.finSent) this.#send('fin', null);
    this.finSent = true;
  }

  /** The sender is gone without a word. */
  drop(): void {
    this.#dropQueue();
  }

  /** Tells the receiver that the sender knows nothing of this connection. */
  sendReset(): void {
    this.#send('reset', null);
  }

  /** Something has changed for the receiver: it may want what is there, or be gone. */
  wake(): void {
    if (this.#arrivedBytes > 0 || this.#finArrived || this.#flight.length > 0) this.#deliverIn(0.001);
  }

  /** The network has changed. */
  rerouted(): void {
    if (this.#creditWaiting) this.#returnCredit();
    if (this.#path.blocked()) return;
    this.#stalledSince = -1;
    // The sender's system tries again after a while that has grown with the silence.
    if (this.#flight.length > 0) this.#deliverIn(this.#path.link.random.between(0.1, 250));
  }

  #send(type: Packet['type'], bytes: Uint8Array | null): void {
    // A packet that is faster than one before it waits for that one, as in TCP.
    const latencyMs = this.#path.link.latencyMs();
    this.#flight.push({ at: this.#simulation.nowMs + latencyMs, type, bytes });
    this.#deliverIn(latencyMs);
  }

  #deliverIn(delayMs: number): void {
    const at = this.#simulation.nowMs + delayMs;
    // The event of a process that has died meanwhile never comes, so one that was made before must not stand for it.
    if (at >= this.#deliverAt && !this.#receiver.closed) return;
    this.#deliverAt = at;
    const number = ++this.#deliveries;
    const owner = this.#receiver.closed ? null : this.#receiver.owner;
    this.#simulation.schedule(delayMs, 'deliver', owner, () => {
      if (number === this.#deliveries) this.#deliver();
    });
  }

  #deliver(): void {
    this.#deliverAt = Infinity;
    if (this.#path.blocked() && this.#flight.length > 0) this.#stall();
    else if (!this.#receive()) return;
    if (this.#receiver.receptive) this.#handOver();
    const next = this.#flight[0];
    if (this.#receiver.receptive && (this.#arrivedBytes > 0 || (this.#finArrived && !this.finTaken))) {
      this.#deliverIn(this.#path.link.random.between(0.001, 0.05));
    }
    if (next !== undefined && this.#stalledSince < 0) {
      this.#deliverIn(Math.max(0, next.at - this.#simulation.nowMs));
    }
  }

  /** Moves what has come by now into the receiver's system. False when the connection is over. */
  #receive(): boolean {
    const now = this.#simulation.nowMs;
    const { link } = this.#path;
    while (this.#flight.length > 0 && (this.#flight[0] as Packet).at <= now) {
      const packet = this.#flight.shift() as Packet;
      if (this.#receiver.closed) {
        if (packet.type === 'data' && !this.#sender.closed) return this.#refuse();
        continue;
      }
      if (packet.type === 'reset' || (link.breakChance > 0 && link.random.chance(link.breakChance))) {
        this.#receiver.fail('reset');
        if (packet.type !== 'reset') this.#refuse();
        return false;
      }
      if (packet.type === 'fin') this.#finArrived = true;
      if (packet.bytes !== null) {
        this.#arrived.push(packet.bytes);
        this.#arrivedBytes += packet.bytes.length;
      }
    }
    return true;
  }

  /** The receiver's system knows nothing of the connection: the sender gets a reset after the way back. */
  #refuse(): false {
    this.#flight = [];
    this.#simulation.schedule(this.#path.link.latencyMs(), 'reset', null, () => {
      if (this.#path.blocked()) this.#stall();
      else this.#sender.fail('reset');
    });
    return false;
  }

  #handOver(): void {
    const { random } = this.#path.link;
    if (this.#arrivedBytes > 0) {
      const all = this.#arrived.length === 1 ? (this.#arrived[0] as Uint8Array) : joinChunks(this.#arrived);
      const count = random.chance(0.85) ? all.length : 1 + random.below(all.length);
      const rest = all.subarray(count);
      this.#arrived = rest.length > 0 ? [rest] : [];
      this.#arrivedBytes = rest.length;
      this.#windowBytes -= count;
      if (this.#queuedBytes > 0 || (this.#finishing && !this.finSent)) this.#returnCredit();
      this.#receiver.takeData(rest.length > 0 ? all.slice(0, count) : all);
    } else if (this.#finArrived && !this.finTaken) {
      this.finTaken = true;
      this.#receiver.takeEnd();
    }
  }

  #returnCredit(): void {
    this.#creditWaiting = true;
    this.#simulation.schedule(this.#path.link.latencyMs(), 'credit', null, () => {
      if (!this.#creditWaiting || this.#path.backBlocked()) return;
      this.#creditWaiting = false;
      if (!this.#sender.closed && !this.#sender.corked) this.flush();
    });
  }

  #stall(): void {
    if (this.#stalledSince >= 0) return;
    const since = this.#simulation.nowMs;
    this.#stalledSince = since;
    this.#simulation.schedule(this.#path.giveUpMs, 'give up', null, () => {
      if (this.#stalledSince !== since) return;
      this.#sender.fail('timeout');
      // Should the way open again, the receiver learns that it waited for nothing.
      this.#flight = [{ at: this.#simulation.nowMs, type: 'reset', bytes: null }];
    });
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }
}
