import { assert } from '@lockstep/kernel';

import { SimDevice } from './disk/sim-device.ts';
import type { DiskOperation } from './disk/sim-device.ts';
import { SimDisk } from './disk/sim-disk.ts';
import { SimNetwork, SimWires } from './network/sim-network.ts';
import type { SimRandom } from './random.ts';
import { HostClock, SimClock } from './sim-clock.ts';
import { Simulation } from './simulation.ts';
import type { EventOwner } from './simulation.ts';

/** How long disk operations take, in milliseconds: at least, and mostly at most. */
const DISK_MS: Readonly<Record<DiskOperation, readonly [number, number]>> = {
  list: [0.01, 0.1],
  makeDirectory: [0.01, 0.1],
  open: [0.01, 0.1],
  rename: [0.01, 0.1],
  remove: [0.01, 0.5],
  syncDirectory: [0.2, 2],
  space: [0.01, 0.1],
  size: [0.005, 0.05],
  read: [0.01, 0.2],
  write: [0.01, 0.2],
  truncate: [0.01, 0.5],
  sync: [0.2, 2],
  close: [0.005, 0.05],
};

const SLOW_SPELL_CHANCE = 0.0005;
const SLOW_SPELL_FACTOR = 40;

/** One life of a program on a host, from its start to its death. Its ports do nothing any more once it is dead. */
export class SimProcess implements EventOwner {
  readonly host: SimHost;
  readonly random: SimRandom;
  readonly clock: SimClock;
  readonly disk: SimDisk;
  readonly network: SimNetwork;
  #state: 'running' | 'paused' | 'dead' = 'running';
  #held: (() => void)[] = [];

  constructor(host: SimHost, wires: SimWires, random: SimRandom) {
    const { simulation } = host.world;
    const diskRandom = random.fork('disk');
    let slowUntilMs = 0;
    this.host = host;
    this.random = random.fork('program');
    this.clock = new SimClock(simulation, this, host.clock, random.fork('clock'));
    this.network = new SimNetwork(wires, this, host.name);
    const schedule = (operation: DiskOperation, run: () => void): void => {
      const [least, most] = DISK_MS[operation];
      let delayMs = diskRandom.between(least, most) * host.device.slowness;
      if (diskRandom.chance(SLOW_SPELL_CHANCE)) slowUntilMs = simulation.nowMs + diskRandom.between(10, 500);
      if (simulation.nowMs < slowUntilMs) delayMs *= SLOW_SPELL_FACTOR;
      simulation.schedule(delayMs, operation, this, run);
    };
    this.disk = new SimDisk(host.device, schedule, this);
  }

  get state(): 'running' | 'paused' | 'dead' {
    return this.#state;
  }

  hold(again: () => void): void {
    this.#held.push(again);
  }

  /** SIGSTOP: nothing of it runs, its connections stay up, and time goes on. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** SIGCONT: what came due meanwhile comes now, in its order. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    for (const again of held) again();
  }

  /** For the host, which also tells the network and the disk. */
  end(): void {
    this.#state = 'dead';
    this.#held = [];
  }
}

/** A machine: a name on the network, a clock, a disk, and the processes that run on it. */
export class SimHost {
  readonly world: SimWorld;
  readonly name: string;
  readonly clock: HostClock;
  readonly #wires: SimWires;
  readonly #random: SimRandom;
  #device: SimDevice;
  #processes: SimProcess[] = [];
  #starts = 0;
  #crashes = 0;
  #powered = true;

  constructor(world: SimWorld, wires: SimWires, name: string, random: SimRandom) {
    this.world = world;
    this.name = name;
    this.#wires = wires;
    this.#random = random;
    this.clock = new HostClock(world.simulation, random.fork('clock'));
    this.#device = new SimDevice(random.fork('device'));
  }

  /** The disk of this machine as it is now; a power failure puts what survived in its place. */
  get device(): SimDevice {
    return this.#device;
  }

  /** The living processes, in the order of their start. */
  get processes(): readonly SimProcess[] {
    return this.#processes;
  }

  /** A new process, on the same disk and the same name; switches the power on when it is off. */
  start(): SimProcess {
    if (!this.#powered) {
      this.#powered = true;
      this.#wires.setPower(this.name, true);
    }
    const process = new SimProcess(this, this.#wires, this.#random.fork(`process ${++this.#starts}`));
    this.#processes.push(process);
    return process;
  }

  /**
   * SIGKILL: its files keep all that was written to them, synced or not, and of writes under way some beginning. Its
   * connections are closed by the system (the peers see an end or a reset), its ports refuse. Default: the process
   * started last.
   */
  kill(process: SimProcess | undefined = this.#processes.at(-1)): void {
    assert(process !== undefined && this.#processes.includes(process), `${this.name}: no such process`);
    const random = this.#random.fork(`kill ${++this.#crashes}`);
    this.#end(process, false);
    // Writes of other processes of this host are not told apart; a host has one that writes.
    this.#device.abandonWrites(random);
  }

  /**
   * The machine stops. Of what was not synced a share survives (see `SimDevice.crashClone`). `silent`: the power is
   * gone until the next `start`, and peers hear nothing; else the kernel went down in order and connections are reset.
   */
  crash(options: { readonly survival?: number; readonly silent?: boolean } = {}): void {
    const silent = options.silent ?? false;
    for (const process of this.#processes.slice()) this.#end(process, silent);
    this.#device = this.#device.crashClone(options.survival, this.#random.fork(`crash ${++this.#crashes}`));
    if (silent) {
      this.#powered = false;
      this.#wires.setPower(this.name, false);
    }
  }

  /** A new, empty disk in place of the old one. No process may run. */
  replaceDisk(): void {
    assert(this.#processes.length === 0, `${this.name}: its disk is in use`);
    this.#device = new SimDevice(this.#random.fork(`device ${++this.#crashes}`));
  }

  #end(process: SimProcess, silently: boolean): void {
    process.end();
    this.#processes = this.#processes.filter((one) => one !== process);
    this.#wires.forget(process, silently);
  }
}

/** Hosts, the wires between them, and simulated time, all from one seed. */
export class SimWorld {
  readonly simulation: Simulation;
  readonly wires: SimWires;
  readonly #hosts = new Map<string, SimHost>();

  constructor(seed: number | string) {
    this.simulation = new Simulation(seed);
    this.wires = new SimWires(this.simulation, this.simulation.random.fork('wires'));
  }

  /** The host of that name, made when there is none. Its name is its address. */
  host(name: string): SimHost {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      host = new SimHost(this, this.wires, name, this.simulation.random.fork(`host ${name}`));
      this.wires.addHost(name);
      this.#hosts.set(name, host);
    }
    return host;
  }
}
