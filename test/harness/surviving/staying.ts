import type { ProcessCluster, ProcessNode } from '../process-cluster.ts';
import { until } from '../until.ts';
import { isPlainProducer, SurvivorBooks } from './books.ts';
import type { SurvivorVerdict } from './books.ts';
import { ProgramClients } from './program-clients.ts';
import type { ProgramLibrary } from './program-clients.ts';
import { modes, queueOf } from './stay-clients.ts';
import type { StayClients } from './stay-clients.ts';
import { StompitClients } from './stompit-clients.ts';

export const libraries = ['stompit', 'stomp.py', 'ruby'] as const;
export type Library = (typeof libraries)[number];

export interface StayingOptions {
  readonly library: Library;
  readonly paceMs: number;
}

/** `left`: messages that were acknowledged and are still there. */
export type StayingVerdict = SurvivorVerdict & { readonly left: readonly string[] };

let counter = 0;

/** Clients that stay where they are, on some nodes of a cluster, while things happen to it. */
export class Staying {
  readonly books: SurvivorBooks = new SurvivorBooks();
  readonly nodes: readonly string[];
  readonly #cluster: ProcessCluster;
  readonly #clients: readonly StayClients[];
  readonly #queues: readonly string[];

  private constructor(cluster: ProcessCluster, at: readonly ProcessNode[], options: StayingOptions) {
    const { library, paceMs } = options;
    const name = `staying-${++counter}`;
    this.#cluster = cluster;
    this.nodes = at.map(({ id }) => id);
    this.#queues = modes.map((mode) => queueOf(name, mode));
    this.#clients = at.map(({ id, stompPort }) => {
      const place = { node: id, port: stompPort, name, paceMs };
      return library === 'stompit'
        ? new StompitClients(place, this.books)
        : new ProgramClients(library satisfies ProgramLibrary, place, this.books);
    });
  }

  /** Resolves when all are at work. */
  static async begin(cluster: ProcessCluster, at: readonly ProcessNode[], options: StayingOptions): Promise<Staying> {
    const staying = new Staying(cluster, at, options);
    await Promise.all(staying.#clients.map(async (clients) => clients.ready));
    await staying.progress(5);
    return staying;
  }

  /** Each node has a transaction open that is not committed before `release`. */
  async hold(): Promise<void> {
    await Promise.all(this.#clients.map(async (clients) => clients.hold()));
  }

  release(): void {
    for (const clients of this.#clients) clients.release();
  }

  /** Resolves when every producer has so many more receipts; transactors are left out. */
  async progress(more: number): Promise<void> {
    const { nodes } = this;
    const counts = (): [string, number][] => [...this.books.counts()].filter(([name]) => isPlainProducer(name));
    const before = new Map(counts());
    await until(`${more} more receipts for each producer on ${nodes.join(', ')}`, () => {
      if (this.books.cuts.length > 0) throw new Error(`cut off: ${this.books.cuts.join('; ')}`);
      const now = counts();
      return now.length === 3 * nodes.length && now.every(([name, count]) => count >= (before.get(name) ?? 0) + more);
    });
  }

  /** Resolves when so many more transactions are over. */
  async commits(more: number): Promise<void> {
    const goal = this.books.transactions + more;
    await until(`${more} more transactions`, () => this.books.transactions >= goal);
  }

  /** Ends them all in good order, and says what they have seen. */
  async end(): Promise<StayingVerdict> {
    await Promise.all(this.#clients.map(async (clients) => clients.stop()));
    await until('everything receipted to arrive', () => this.books.complete, 20_000).catch(() => undefined);
    await Promise.all(this.#clients.map(async (clients) => clients.finish()));
    let left: readonly string[] = [];
    await until('acknowledged messages to go', async () => (left = await this.#left()).length === 0, 10_000).catch(
      () => undefined,
    );
    return { ...this.verdict(), left };
  }

  /** What they have seen so far. */
  verdict(): SurvivorVerdict {
    return this.books.verdict();
  }

  /** However things stand. */
  drop(): void {
    for (const clients of this.#clients) clients.drop();
  }

  async #left(): Promise<readonly string[]> {
    const running = this.#cluster.nodes.filter((node) => node.process !== null);
    const left: string[] = [];
    for (const node of running) {
      const answer = await fetch(`http://127.0.0.1:${node.adminPort}/api/v1/queues`);
      for (const { name, depth } of (await answer.json()) as readonly { name: string; depth: number }[])
        if (depth > 0 && this.#queues.includes(name)) left.push(`${depth} in ${name} at ${node.id}`);
    }
    return left;
  }
}
