import type { Address } from '@lockstep/kernel';
import type { SimProcess, SimRandom } from '@lockstep/testkit';

import type { Ledger } from '../../harness/ledger.ts';
import { SimClient } from '../sim-client.ts';
import type { ClientScript } from '../sim-client.ts';
import { HoldingConsumer, SlowSender } from './holding-clients.ts';
import { LoneClient } from './lone-client.ts';

/** A client comes back to its own node so many times as often as to any other. */
const homing = 6;

/** Clients that have a node of their own, hold messages and keep transactions open, so that whatever happens finds some at work on every node. */
export class SessionWorkload {
  readonly #consumers: readonly HoldingConsumer[];
  readonly #senders: readonly SlowSender[];
  readonly #lone: readonly LoneClient[];

  constructor(clients: SimProcess, addresses: readonly Address[], ledger: Ledger, random: SimRandom) {
    const start = <S extends ClientScript>(name: string, i: number, script: S): S => {
      const home = addresses[i % addresses.length]!;
      new SimClient(name, clients, [...addresses, ...Array.from({ length: homing - 1 }, () => home)], script);
      return script;
    };
    const shared = (name: string): { name: string; ledger: Ledger; random: SimRandom; clock: SimProcess['clock'] } => ({
      name,
      ledger,
      random: random.fork(name),
      clock: clients.clock,
    });
    const count = Math.min(3, addresses.length);
    const first = random.below(addresses.length);
    this.#consumers = Array.from({ length: count }, (_, i) => {
      const name = `hc${i + 1}`;
      const prefetch = random.fork(`${name} prefetch`).pick([1, 4, 20]);
      return start(name, first + i, new HoldingConsumer({ ...shared(name), prefetch }));
    });
    this.#senders = Array.from({ length: 2 }, (_, i) => {
      const name = `hs${i + 1}`;
      const batches = 10 + random.fork(`${name} batches`).below(60);
      return start(name, first + 1 + i, new SlowSender({ ...shared(name), batches }));
    });
    this.#lone = Array.from({ length: 2 }, (_, i) => {
      const name = `lone${i + 1}`;
      return start(name, first + i, new LoneClient(name, random.fork(name), clients.clock, 100));
    });
  }

  close(): void {
    for (const sender of this.#senders) sender.close();
    for (const lone of this.#lone) lone.close();
    for (const consumer of this.#consumers) consumer.calm = true;
  }

  get done(): boolean {
    return this.#senders.every(({ done }) => done);
  }

  get errors(): readonly string[] {
    return [...this.#consumers, ...this.#senders, ...this.#lone].flatMap(({ errors }) => errors);
  }

  /** Acknowledged, with a receipt, and delivered again. */
  get again(): readonly string[] {
    return this.#lone.flatMap(({ again }) => again);
  }

  /** Acknowledgements of those that consume alone. */
  get acknowledgedAlone(): number {
    return this.#lone.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  get refused(): number {
    return this.#consumers.reduce((sum, { refused }) => sum + refused, 0);
  }
}
