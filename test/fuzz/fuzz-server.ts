import { silentLog } from '@lockstep/kernel';
import { defaultFlowOptions, defaultStompLimits, InputBudget, StompConnection } from '@lockstep/stomp-server';
import { SimRandom } from '@lockstep/testkit';
import { FuzzAccess } from './fuzz-access.ts';
import { FuzzBroker } from './fuzz-broker.ts';
import { FuzzClock } from './fuzz-clock.ts';
import { FuzzConnection } from './fuzz-connection.ts';
import { readOutput } from './output.ts';
import type { SessionId } from '@lockstep/kernel';
import type { FlowOptions, StompLimits } from '@lockstep/stomp-server';
import type { Delivered } from './grammar.ts';
import type { Output } from './output.ts';

/** Small, so that all of them are passed now and then. */
const limits: StompLimits = {
  ...defaultStompLimits,
  headerBytes: 1000,
  headers: 30,
  bodyBytes: 2500,
  subscriptions: 4,
  transactions: 2,
  transactionFrames: 12,
  transactionBytes: 5000,
};

/** Those of some clients, so that large bodies are taken, too. */
const roomyLimits: StompLimits = { ...limits, bodyBytes: 60_000, transactionBytes: 80_000 };

/** Of all half-sent frames and open transactions: not enough for the largest. */
const BUDGET_BYTES = 40_000;
const FLOW: FlowOptions = {
  ...defaultFlowOptions,
  unansweredRequests: 8,
  unansweredBytes: 4000,
  outputPauseBytes: 8000,
  outputBytesMax: 60_000,
  lingerBytes: 2000,
};

/** Where a client's frames come from: made up as the case goes, or noted before. */
export type FrameSource = (delivered: readonly Delivered[]) => Uint8Array | null;

/** What one client sent, and the seed of all that happens around it: how its bytes are cut, what the broker does, when time passes. */
export interface FuzzCase {
  readonly seed: number | string;
  readonly frames: readonly Uint8Array[];
}

export interface FuzzResult extends Output {
  /** Frames sent before the connection was over. */
  readonly sent: number;
}

interface ClientSettings {
  readonly flow: FlowOptions;
  /** It may send large bodies. */
  readonly roomy: boolean;
  readonly access: FuzzAccess | null;
  /** Its connection keeps the bounds of what is sent. */
  readonly bounds: boolean;
  readonly onClosed: () => void;
}

interface FuzzClient {
  readonly connection: FuzzConnection;
  readonly session: SessionId;
  readonly served: StompConnection;
  readonly access: FuzzAccess | null;
}

/** Turns after which a connection that its client has left must be gone. */
const TURNS_MAX = 100;

/**
 * The server side of STOMP (parser, session, writer, connection) with a fuzzer around it, and a bystander: a client that keeps to the
 * rules, whom nothing of what others send may disturb.
 */
export class FuzzServer {
  readonly #clock = new FuzzClock();
  readonly #broker = new FuzzBroker(new SimRandom(0));
  readonly #budget = new InputBudget(BUDGET_BYTES);
  readonly #bystander: FuzzConnection;
  #sessions = 0;
  #asked = 0;

  constructor() {
    this.#bystander = this.#connect({
      flow: FLOW,
      roomy: false,
      access: null,
      bounds: false,
      onClosed() {},
    }).connection;
    this.#bystander.feed(Buffer.from('CONNECT\naccept-version:1.2\nhost:h\n\n\0'));
    this.#clock.endTurn();
  }

  /** Runs one case from connect to close. Throws what is wrong. */
  run(seed: FuzzCase['seed'], source: FrameSource): FuzzResult {
    const random = new SimRandom(seed);
    this.#broker.begin(random);
    this.#broker.refusals = random.chance(0.1) ? 0.05 : 0;
    const flow = { ...FLOW, sliceMs: random.chance(0.1) ? -1 : 10 };
    let closes = 0;
    const access = random.chance(0.2) ? new FuzzAccess(random, this.#clock) : null;
    const bounds = random.chance(0.1);
    const roomy = random.chance(0.25);
    const client = this.#connect({ flow, roomy, access, bounds, onClosed: () => closes++ });
    const { connection, session } = client;
    this.#broker.denies = (of, destination) => of === session && access?.denies(destination) === true;
    const sent = this.#send(client, source, random);
    this.#leave(connection, random);
    if (closes !== 1) throw new Error(`the end of the connection was told ${closes} times`);
    if (this.#budget.used !== 0) throw new Error(`${this.#budget.used} bytes of input are still counted`);
    if (this.#broker.has(session)) throw new Error('the session outlives its connection');
    if (this.#clock.timers !== 0) throw new Error('a timer outlives its connection');
    this.#askBystander();
    return { ...readOutput(connection.written), sent };
  }

  #connect({ flow, roomy, access, bounds, onClosed }: ClientSettings): FuzzClient {
    const connection = new FuzzConnection(this.#clock, bounds);
    const session = `f-${++this.#sessions}` as SessionId;
    const served = new StompConnection(connection, this.#broker, {
      session,
      self: { server: 'lockstep/fuzz', failover: () => '' },
      limits: roomy ? roomyLimits : limits,
      budget: this.#budget,
      flow,
      clock: this.#clock,
      log: silentLog,
      ...(access === null ? {} : { access }),
      onClosed,
    });
    return { connection, session, served, access };
  }

  /** Feeds the frames, cut anywhere, with turns of the broker between; returns how many were sent before all was over. */
  #send(client: FuzzClient, source: FrameSource, random: SimRandom): number {
    const { connection, session } = client;
    const calm = random.chance(0.5);
    let extra = 3;
    let sent = 0;
    while (!connection.closed) {
      if (connection.ended && extra-- === 0) break;
      // Several frames in one piece, or one frame in several.
      const group: Uint8Array[] = [];
      const delivered = this.#broker.delivered(session);
      for (let more = random.chance(0.3) ? 1 + random.below(6) : 1; more > 0; more--) {
        const frame = source(delivered);
        if (frame !== null) group.push(frame);
      }
      if (group.length === 0) break;
      sent += group.length;
      this.#feed(connection, group.length === 1 ? group[0]! : Buffer.concat(group), random);
      this.#clock.endTurn();
      this.#broker.turn(calm);
      this.#clock.endTurn();
      this.#clock.pass(0);
      if (!calm) this.#trouble(client, random);
      if (this.#budget.used > BUDGET_BYTES) throw new Error(`${this.#budget.used} bytes of input are held`);
      if (connection.bufferedBytes > 2 * FLOW.outputBytesMax) throw new Error('unread output is held without bound');
    }
    return sent;
  }

  #feed(connection: FuzzConnection, bytes: Uint8Array, random: SimRandom): void {
    const cuts = bytes.length > 5000 || random.chance(0.3) ? 1 + random.below(4) : 0;
    const bytewise = random.chance(0.02);
    const places = bytewise
      ? Array.from(bytes, (_, i) => i + 1)
      : Array.from({ length: cuts }, () => random.below(bytes.length + 1)).sort((a, b) => a - b);
    let from = 0;
    for (const to of [...places, bytes.length]) {
      if (to > from) connection.feed(bytes.subarray(from, to));
      from = to;
    }
  }

  /** What can happen beside what the client sends. */
  #trouble({ connection, session, served, access }: FuzzClient, random: SimRandom): void {
    if (access !== null && random.chance(0.02)) {
      access.change();
      served.accessChanged();
    }
    if (random.chance(0.05)) connection.reading(false);
    if (random.chance(0.2)) connection.reading(true);
    if (random.chance(0.05)) this.#broker.accept(false);
    if (random.chance(0.3)) this.#broker.accept(true);
    if (random.chance(0.05)) this.#clock.pass(random.pick([10, 500, 2500, 40_000]));
    if (random.chance(0.002)) this.#broker.drop(session, random.chance(0.5));
    this.#clock.endTurn();
  }

  /** The client goes, one way or another; the connection must come to its end. */
  #leave(connection: FuzzConnection, random: SimRandom): void {
    if (random.chance(0.2)) connection.reset();
    else connection.finish();
    for (let turn = 0; !connection.closed; turn++) {
      if (turn > TURNS_MAX) throw new Error('the connection never closes');
      connection.reading(true);
      this.#broker.accept(true);
      this.#broker.turn(true);
      this.#clock.endTurn();
      this.#clock.pass(turn === 0 ? 0 : 500);
    }
    this.#broker.accept(true);
    this.#broker.turn(true);
    this.#clock.endTurn();
    this.#clock.pass(0);
  }

  #askBystander(): void {
    const bystander = this.#bystander;
    const receipt = `b-${++this.#asked}`;
    bystander.written.length = 0;
    bystander.feed(Buffer.from(`SEND\ndestination:/queue/bystander\nreceipt:${receipt}\n\nhello\0`));
    this.#clock.endTurn();
    this.#broker.refusals = 0;
    this.#broker.turn(true);
    this.#clock.endTurn();
    const got = Buffer.concat(bystander.written).toString('latin1');
    if (got !== `RECEIPT\nreceipt-id:${receipt}\n\n\0\n`) throw new Error(`the bystander got ${JSON.stringify(got)}`);
  }
}
