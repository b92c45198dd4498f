import { encodeText, silentLog } from '@lockstep/kernel';
import { SimWorld } from '@lockstep/testkit';
import { ConnectionCount, StompListener } from '../../src/connection/stomp-listener.ts';
import { defaultFlowOptions } from '../../src/connection/flow-options.ts';
import { defaultStompLimits } from '../../src/session/limits.ts';
import { InputBudget } from '../../src/input-budget.ts';
import { readFrames, summary } from '../session/support.ts';
import { SessionIds } from '../../src/connection/session-ids.ts';
import { StompConnection } from '../../src/connection/stomp-connection.ts';
import type { Effect, Request } from '@lockstep/core';
import type { Address, Connection, NetworkError, NodeId, SessionId } from '@lockstep/kernel';
import type { AccessControl } from '../../src/access.ts';
import type { BrokerPort, SessionEndpoint } from '../../src/broker-port.ts';
import type { FlowOptions } from '../../src/connection/flow-options.ts';
import type { StompLimits } from '../../src/session/limits.ts';

/** A broker that does what the test says. */
export class ScriptedBroker implements BrokerPort {
  accepting: boolean = true;
  heldUpBy: string = 'the test says so';
  /** Answers each request at once, inside `submit`. */
  answersAtOnce: boolean = true;
  readonly requests: Request[] = [];
  readonly endpoints: Map<SessionId, SessionEndpoint> = new Map();
  /** Sessions whose clients have taken what was unsent. */
  readonly takenBy: SessionId[] = [];

  readonly #waiting = new Set<SessionEndpoint>();

  callWhenAccepting(endpoint: SessionEndpoint): void {
    this.#waiting.add(endpoint);
  }

  /** Accepts again, and tells those who wait for it. */
  acceptAgain(): void {
    this.accepting = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const endpoint of waiting) endpoint.resume();
  }

  attach(session: SessionId, endpoint: SessionEndpoint): void {
    this.endpoints.set(session, endpoint);
  }

  submit(request: Request): void {
    this.requests.push(request);
    if (request.type === 'endSession') this.endpoints.delete(request.session);
    else if (this.answersAtOnce) this.answer(request);
  }

  taken(session: SessionId): void {
    this.takenBy.push(session);
  }

  /** Gives the reply, in a turn of its own. */
  answer(request: Request): void {
    if (!('token' in request)) return;
    this.give({ type: 'reply', session: request.session, token: request.token, refusal: null });
  }

  give(...effects: Effect[]): void {
    const endpoints = new Set<SessionEndpoint>();
    for (const effect of effects) {
      const endpoint = this.endpoints.get(effect.session);
      if (endpoint === undefined) continue;
      endpoint.effect(effect);
      endpoints.add(endpoint);
    }
    for (const endpoint of endpoints) endpoint.flush();
  }

  get asked(): string[] {
    return this.requests.map(summary);
  }

  /** The only session there is. */
  get session(): SessionId {
    return [...this.endpoints.keys()][0]!;
  }
}

/** A client that sends bytes as told and keeps what comes. */
export class RawClient {
  readonly connection: Connection;
  readonly chunks: Uint8Array[] = [];
  ended = false;
  closed = false;
  error: NetworkError | null = null;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.start({
      data: (chunk) => this.chunks.push(chunk),
      drain() {},
      end: () => {
        this.ended = true;
      },
      close: (error) => {
        this.closed = true;
        this.error = error;
      },
    });
  }

  send(text: string | Uint8Array): void {
    this.connection.write(typeof text === 'string' ? encodeText(text) : text);
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get frames(): string[] {
    return readFrames(this.received, '1.2');
  }
}

export interface ServerSettings {
  readonly limits?: Partial<StompLimits>;
  readonly flow?: Partial<FlowOptions>;
  readonly connectionsMax?: number;
  /** Bytes; none by default. */
  readonly budgetMax?: number;
  readonly access?: AccessControl;
  /** Between the connection that is taken and whoever serves it. */
  readonly wrap?: (connection: Connection) => Connection;
}

/** A listener on a simulated host, a scripted broker behind it, and clients on another host. */
export class ConnectionBench {
  readonly world: SimWorld;
  readonly broker: ScriptedBroker = new ScriptedBroker();
  readonly count: ConnectionCount;
  readonly budget: InputBudget;
  readonly #server;
  readonly #client;
  #address: Address = { host: 'server', port: 0 };
  readonly #settings: ServerSettings;

  private constructor(seed: number, settings: ServerSettings) {
    this.world = new SimWorld(seed);
    this.#server = this.world.host('server').start();
    this.#client = this.world.host('client').start();
    this.#settings = settings;
    this.budget = new InputBudget(settings.budgetMax ?? Infinity);
    this.count = new ConnectionCount(settings.connectionsMax ?? 100);
  }

  static async start(settings: ServerSettings = {}, seed = 1): Promise<ConnectionBench> {
    const bench = new ConnectionBench(seed, settings);
    await bench.world.simulation.run(() => bench.#listen());
    return bench;
  }

  async #listen(): Promise<void> {
    const { clock, network, random } = this.#server;
    const ids = new SessionIds('a' as NodeId, random);
    const listener = await StompListener.open({
      network,
      clock,
      address: { host: 'server', port: 0 },
      count: this.count,
      excessWaitMs: 1500,
      accept: (taken, release) => {
        const connection = this.#settings.wrap?.(taken) ?? taken;
        new StompConnection(connection, this.broker, {
          session: ids.next(),
          self: { server: 'lockstep/test', failover: () => '' },
          limits: { ...defaultStompLimits, ...this.#settings.limits },
          budget: this.budget,
          flow: { ...defaultFlowOptions, ...this.#settings.flow },
          clock,
          log: silentLog,
          ...(this.#settings.access === undefined ? {} : { access: this.#settings.access }),
          onClosed: release,
        });
      },
    });
    this.#address = listener.address;
  }

  async connect(): Promise<RawClient> {
    return this.world.simulation.run(async () => {
      return new RawClient(await this.#client.network.connect(this.#address, 1000));
    });
  }

  /** A client that has its CONNECTED. */
  async connected(headers = ''): Promise<RawClient> {
    const client = await this.connect();
    client.send(`CONNECT\naccept-version:1.2\nhost:h\n${headers}\n\0`);
    await this.until(() => client.chunks.length > 0);
    return client;
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + ms);
  }

  async until(goal: () => boolean): Promise<boolean> {
    return this.world.simulation.runUntil(goal, 60_000);
  }
}
