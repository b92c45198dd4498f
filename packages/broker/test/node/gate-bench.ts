import { silentLog } from '@lockstep/kernel';
import type { Connection, NodeId } from '@lockstep/kernel';
import type { Leadership } from '@lockstep/raft-log';
import { Recorder, SimWorld } from '@lockstep/testkit';
import type { SimProcess } from '@lockstep/testkit';

import { ClientGate } from '../../src/node/client-gate.ts';

const clientPort = 1;
const masterPort = 2;

/** A client's end of a connection. */
export interface Client {
  readonly connection: Connection;
  readonly seen: Recorder;
}

/** Starts a connection, and notes what comes. */
function recorded(connection: Connection): Recorder {
  const recorder = new Recorder();
  connection.start(recorder);
  return recorder;
}

/** A gate on one simulated host, a master on another, and clients on a third. */
export class GateBench {
  readonly world: SimWorld;
  readonly gate: ClientGate;
  /** Connections that the gate served itself. */
  readonly served: Recorder[] = [];
  /** Connections that arrived at the master, as it sees them. */
  readonly passedOn: { readonly connection: Connection; readonly seen: Recorder }[] = [];
  masterTakes: boolean = true;
  released = 0;
  readonly #clients: SimProcess;
  readonly #ready: Promise<unknown>;

  constructor(seed: number) {
    this.world = new SimWorld(seed);
    const node = this.world.host('node').start();
    const master = this.world.host('master').start();
    this.#clients = this.world.host('clients').start();
    this.gate = new ClientGate({
      node: 'node' as NodeId,
      clock: node.clock,
      log: silentLog,
      serve: (connection) => this.served.push(recorded(connection)),
      dialMaster: async () => {
        if (!this.masterTakes) throw new Error('not the master');
        return node.network.connect({ host: 'master', port: masterPort }, 500);
      },
    });
    this.#ready = Promise.all([
      node.network.listen({ host: 'node', port: clientPort }, (connection) => {
        this.gate.accept(connection, () => this.released++);
      }),
      master.network.listen({ host: 'master', port: masterPort }, (connection) => {
        this.passedOn.push({ connection, seen: recorded(connection) });
      }),
    ]);
  }

  async client(): Promise<Client> {
    return this.world.simulation.run(async () => {
      await this.#ready;
      const connection = await this.#clients.network.connect({ host: 'node', port: clientPort }, 1000);
      return { connection, seen: recorded(connection) };
    });
  }

  /** False when it never comes about. */
  async until(condition: () => boolean): Promise<boolean> {
    return this.world.simulation.runUntil(condition, 60_000);
  }

  lead(leader: 'node' | 'master' | 'other' | null): void {
    const leading = leader === 'node';
    const leadership: Leadership = {
      leading,
      role: leading ? 'leader' : 'follower',
      leader: leader as NodeId | null,
      term: 1,
    };
    this.gate.leadershipChanged(leadership);
  }
}
