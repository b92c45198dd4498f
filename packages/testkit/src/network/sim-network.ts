import { formatAddress, NetworkError } from '@lockstep/kernel';
import type { Address, Connection, Listener, Network, NetworkErrorCode } from '@lockstep/kernel';

import type { SimRandom } from '../random.ts';
import type { EventOwner, Simulation } from '../simulation.ts';
import { Link } from './link.ts';
import { SimConnection } from './sim-connection.ts';
import { SimStream } from './sim-stream.ts';
import type { StreamPath } from './sim-stream.ts';

const ANY_HOSTS = new Set(['', '0.0.0.0', '::']);
const OWN_HOSTS = new Set(['localhost', '127.0.0.1', '::1']);
const FIRST_FREE_PORT = 32_768;
const SYN_RETRY_MS = 1_000;

interface PortHolder {
  readonly owner: EventOwner;
  readonly onConnection: (connection: Connection) => void;
}

interface NetworkHost {
  readonly name: string;
  powered: boolean;
  nextPort: number;
  readonly ports: Map<number, PortHolder>;
}

interface Pair {
  readonly client: SimConnection;
  readonly server: SimConnection;
  readonly clientHost: NetworkHost;
  readonly serverHost: NetworkHost;
  readonly toServer: SimStream;
  readonly toClient: SimStream;
}

function failure(code: NetworkErrorCode, what: string, address: Address): NetworkError {
  return new NetworkError(code, `${what} ${formatAddress(address)}: ${code}`);
}

/** The wires between all simulated hosts, and what goes wrong on them. */
export class SimWires {
  /** How long a system goes on sending into a cut before its connection breaks. */
  giveUpMs = 15_000;
  /** How often something that was cut was made whole. */
  heals = 0;
  readonly #simulation: Simulation;
  readonly #random: SimRandom;
  readonly #hosts = new Map<string, NetworkHost>();
  readonly #links = new Map<string, Link>();
  readonly #pairs = new Set<Pair>();

  constructor(simulation: Simulation, random: SimRandom) {
    this.#simulation = simulation;
    this.#random = random;
  }

  addHost(name: string): void {
    this.#hosts.set(name, { name, powered: true, nextPort: FIRST_FREE_PORT, ports: new Map() });
  }

  /** One direction between two hosts, to be read and set. */
  link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new Link(from, to, this.#random.fork(key));
      this.#links.set(key, link);
    }
    return link;
  }

  /** From now on nothing gets from one host to the other; the way back stays open. */
  cutOneWay(from: string, to: string): void {
    this.link(from, to).cut = true;
  }

  cut(one: string, other: string): void {
    this.cutOneWay(one, other);
    this.cutOneWay(other, one);
  }

  /** Cuts a host off from all others. */
  isolate(name: string): void {
    for (const other of this.#hosts.keys()) if (other !== name) this.cut(name, other);
  }

  /** What was cut between the two is whole again. */
  heal(one: string, other: string): void {
    this.heals++;
    this.link(one, other).cut = false;
    this.link(other, one).cut = false;
    this.#reroute();
  }

  healAll(): void {
    this.heals++;
    for (const link of this.#links.values()) link.cut = false;
    this.#reroute();
  }

  /** Resets every connection between the two hosts, at both ends. */
  breakConnections(one: string, other: string): void {
    for (const pair of this.#pairs) {
      const names = [pair.clientHost.name, pair.serverHost.name];
      if (!names.includes(one) || !names.includes(other)) continue;
      pair.client.fail('reset');
      pair.server.fail('reset');
    }
  }

  /** Without power a host answers nothing, not even with a refusal; with it again, it refuses what it no longer knows. */
  setPower(name: string, powered: boolean): void {
    const host = this.#host(name);
    host.powered = powered;
    if (!powered) return;
    for (const pair of this.#pairs) {
      if (pair.clientHost === host && pair.client.closed) pair.toServer.sendReset();
      if (pair.serverHost === host && pair.server.closed) pair.toClient.sendReset();
    }
    this.#reroute();
  }

  /** The process is gone: its ports are free, its connections closed by its system unless there is no power. */
  forget(owner: EventOwner, silently: boolean): void {
    for (const host of this.#hosts.values()) {
      for (const [port, holder] of host.ports) if (holder.owner === owner) host.ports.delete(port);
    }
    for (const pair of this.#pairs) {
      if (pair.client.owner === owner) pair.client.die(silently);
      if (pair.server.owner === owner) pair.server.die(silently);
    }
  }

  listen(owner: EventOwner, hostName: string, address: Address, onConnection: PortHolder['onConnection']): Listener {
    const host = this.#host(hostName);
    if (!ANY_HOSTS.has(address.host) && !OWN_HOSTS.has(address.host) && address.host !== hostName) {
      throw failure('other', 'listen', address);
    }
    if (host.ports.has(address.port)) throw failure('in-use', 'listen', address);
    const port = address.port === 0 ? this.#freePort(host) : address.port;
    const holder: PortHolder = { owner, onConnection };
    host.ports.set(port, holder);
    return {
      address: { host: address.host, port },
      close: () => {
        if (host.ports.get(port) === holder) host.ports.delete(port);
        return Promise.resolve();
      },
    };
  }

  connect(owner: EventOwner, hostName: string, address: Address, timeoutMs: number): Promise<Connection> {
    const from = this.#host(hostName);
    const to = OWN_HOSTS.has(address.host) || ANY_HOSTS.has(address.host) ? from : this.#hosts.get(address.host);
    return new Promise((resolve, reject) => {
      let settled = false;
      const settle = (delayMs: number, act: () => void): void => {
        this.#simulation.schedule(delayMs, 'connect', owner, () => {
          if (settled) return;
          settled = true;
          act();
        });
      };
      const refuse = (code: NetworkErrorCode, delayMs: number): void => {
        settle(delayMs, () => reject(failure(code, 'connect', address)));
      };
      if (to === undefined) {
        refuse('unreachable', 1);
        return;
      }
      refuse('timeout', timeoutMs);
      const attempt = (retryMs: number): void => {
        if (settled || owner.state === 'dead') return;
        if (this.#blocked(from, to) || this.#blocked(to, from)) {
          this.#simulation.schedule(retryMs, 'syn', null, () => attempt(retryMs * 2));
          return;
        }
        const back = this.link(to.name, from.name).latencyMs();
        const holder = to.ports.get(address.port);
        if (holder === undefined) {
          refuse('refused', back);
          return;
        }
        const pair = this.#pair(owner, from, holder.owner, to, address);
        this.#simulation.schedule(0.001, 'accept', holder.owner, () => holder.onConnection(pair.server));
        this.#simulation.schedule(back, 'connected', owner, () => {
          if (settled) pair.client.destroy();
          else resolve(pair.client);
          settled = true;
        });
      };
      this.#simulation.schedule(this.link(from.name, to.name).latencyMs(), 'syn', null, () => attempt(SYN_RETRY_MS));
    });
  }

  #pair(owner: EventOwner, from: NetworkHost, holder: EventOwner, to: NetworkHost, address: Address): Pair {
    const local = { host: from.name, port: this.#freePort(from) };
    const remote = { host: to.name, port: address.port };
    const client = new SimConnection(this.#simulation, owner, local, remote);
    const server = new SimConnection(this.#simulation, holder, remote, local);
    const toServer = new SimStream(this.#simulation, this.#path(from, to), client, server);
    const toClient = new SimStream(this.#simulation, this.#path(to, from), server, client);
    const pair: Pair = { client, server, clientHost: from, serverHost: to, toServer, toClient };
    const onClosed = (): void => {
      if (client.closed && server.closed) this.#pairs.delete(pair);
    };
    client.attach(toServer, toClient, onClosed);
    server.attach(toClient, toServer, onClosed);
    this.#pairs.add(pair);
    return pair;
  }

  #path(from: NetworkHost, to: NetworkHost): StreamPath {
    const [link, back] = [this.link(from.name, to.name), this.link(to.name, from.name)];
    return {
      link,
      blocked: () => link.cut || !from.powered || !to.powered,
      backBlocked: () => back.cut || !from.powered || !to.powered,
      giveUpMs: this.giveUpMs,
    };
  }

  #blocked(from: NetworkHost, to: NetworkHost): boolean {
    return !from.powered || !to.powered || this.link(from.name, to.name).cut;
  }

  #reroute(): void {
    for (const pair of this.#pairs) {
      pair.toServer.rerouted();
      pair.toClient.rerouted();
    }
  }

  #freePort(host: NetworkHost): number {
    while (host.ports.has(host.nextPort)) host.nextPort++;
    return host.nextPort++;
  }

  #host(name: string): NetworkHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  }
}

/** One process's way to the wires. */
export class SimNetwork implements Network {
  readonly #wires: SimWires;
  readonly #owner: EventOwner;
  readonly #host: string;

  constructor(wires: SimWires, owner: EventOwner, host: string) {
    this.#wires = wires;
    this.#owner = owner;
    this.#host = host;
  }

  async listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener> {
    if (this.#owner.state === 'dead') return new Promise(() => {});
    return this.#wires.listen(this.#owner, this.#host, address, onConnection);
  }

  connect(address: Address, timeoutMs: number): Promise<Connection> {
    if (this.#owner.state === 'dead') return new Promise(() => {});
    return this.#wires.connect(this.#owner, this.#host, address, timeoutMs);
  }
}
