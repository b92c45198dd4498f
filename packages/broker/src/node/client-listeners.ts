import type { Address, Clock, Connection, Log, Network } from '@lockstep/kernel';
import { formatAddress } from '@lockstep/kernel';
import { StompListener } from '@lockstep/stomp-server';
import type { ConnectionCount, InputBudget } from '@lockstep/stomp-server';

import type { ListenerOptions } from './types.ts';

/** A port that can't be had again is asked for so often. */
const retryMs = 1000;

export interface ClientListenersOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
  readonly listeners: readonly ListenerOptions[];
  readonly count: ConnectionCount;
  readonly budget: InputBudget;
  readonly excessWaitMs: number;
  /** See `StompListenerOptions.accept`; by which of the listeners. */
  readonly accept: (connection: Connection, release: () => void, by: ListenerOptions) => void;
}

/** Where clients connect to this node; closed while it takes none. */
export class ClientListeners {
  readonly #options: ClientListenersOptions;
  /** As they were bound the first time, in the order of the options. */
  #addresses: readonly Address[];
  #open: StompListener[] = [];
  #wanted = true;
  #work: Promise<void> | null = null;
  #closed = false;

  constructor(options: ClientListenersOptions) {
    this.#options = options;
    this.#addresses = options.listeners.map(({ listen }) => listen);
  }

  /** @throws NetworkError (as rejection) when an address can't be had. */
  async open(): Promise<void> {
    await this.#openAll();
    this.#addresses = this.#open.map(({ address }) => address);
  }

  get addresses(): readonly Address[] {
    return this.#addresses;
  }

  /** Does this node take clients? Connections that are there live on. */
  allow(wanted: boolean): void {
    this.#wanted = wanted;
    this.#begin();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    await this.#closeAll();
  }

  #begin(): void {
    this.#work ??= this.#adjust().finally(() => (this.#work = null));
  }

  async #adjust(): Promise<void> {
    while (!this.#closed && this.#wanted !== this.#open.length > 0) {
      if (!this.#wanted) {
        await this.#closeAll();
        continue;
      }
      try {
        await this.#openAll();
      } catch (error) {
        const { clock, log } = this.#options;
        log.error(`clients can't connect to this node: ${(error as Error).message}`);
        clock.setTimer(retryMs, () => this.#begin());
        return;
      }
    }
  }

  async #openAll(): Promise<void> {
    const { network, clock, count, budget, excessWaitMs, listeners } = this.#options;
    try {
      for (const [index, by] of listeners.entries()) {
        const { transport } = by;
        const address = this.#addresses[index] ?? by.listen;
        const listens: Pick<Network, 'listen'> =
          transport === undefined
            ? network
            : { listen: (where, onConnection) => transport.listen(where, onConnection, budget) };
        const accept = (connection: Connection, release: () => void): void => {
          this.#options.accept(connection, release, by);
        };
        this.#open.push(await StompListener.open({ network: listens, clock, address, count, excessWaitMs, accept }));
      }
    } catch (error) {
      await this.#closeAll();
      throw error;
    }
  }

  async #closeAll(): Promise<void> {
    for (const listener of this.#open.splice(0)) await listener.close();
  }
}

/** For the log. */
export function addressList(addresses: readonly Address[]): string {
  return addresses.map(formatAddress).join(', ');
}
