import { decodeText, encodeText } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';

import { Cluster } from '../cluster.ts';

/** So small that a few dozen records bring about snapshots, retired segments and store files. */
export const smallSettings = { snapshotBytes: 4096, segmentBytes: 4096, tailBytesMax: 2048 };

/** Three members, of which one can be given an empty disk, with records that stay live and records that do not. */
export class TransferBench {
  readonly cluster: Cluster;

  private constructor(seed: string) {
    this.cluster = new Cluster(seed, { settings: smallSettings });
  }

  static async founded(seed: string): Promise<TransferBench> {
    const bench = new TransferBench(seed);
    bench.cluster.startAll();
    await bench.cluster.untilLed();
    return bench;
  }

  get leader(): string {
    return this.cluster.leader ?? '';
  }

  get followers(): readonly string[] {
    return this.cluster.names.filter((name) => name !== this.leader);
  }

  /** Commits so many records that stay live, ten at a time, and then drops every third one of each ten. */
  async fill(count: number, prefix = 'keep'): Promise<number[]> {
    const kept: number[] = [];
    for (let at = 0; at < count; at += 10) {
      const texts = Array.from({ length: 10 }, (_, n) => `${prefix} ${at + n} ${'.'.repeat(100)}`);
      const first = await this.#commit(texts);
      const positions = texts.map((_, n) => first + n);
      kept.push(...positions.filter((_, n) => n % 3 !== 0));
      await this.#commit(positions.filter((_, n) => n % 3 === 0).map((position) => `drop ${position}`));
    }
    return kept;
  }

  async drop(positions: readonly number[]): Promise<void> {
    await this.#commit(positions.map((position) => `drop ${position}`));
  }

  async #commit(texts: readonly string[]): Promise<number> {
    const { machine, log } = this.cluster.life(this.leader);
    const first = log?.propose(texts.map(encodeText));
    if (typeof first !== 'number') throw new Error(`refused:\n${this.cluster.story()}`);
    const last = first + texts.length - 1;
    const applied = await this.cluster.until(() => (machine.applied.at(-1)?.position ?? 0) >= last, 5000);
    if (!applied) throw new Error(`not committed:\n${this.cluster.story()}`);
    return first;
  }

  wipe(name: string): void {
    this.cluster.world.host(name).crash();
    this.cluster.world.host(name).replaceDisk();
  }

  /** That member has applied what the leader has, and votes. */
  async caughtUp(name: string, limitMs?: number): Promise<boolean> {
    const { cluster } = this;
    return cluster.until(() => {
      const { machine, log } = cluster.life(name);
      if (cluster.leader === null || log?.status.raft?.standing !== 'voter') return false;
      return machine.applied.at(-1)?.position === cluster.life(cluster.leader).machine.applied.at(-1)?.position;
    }, limitMs);
  }

  /** Everything live at that member, read back from its own disk while it is cut off from the others. */
  async readBack(name: string): Promise<Map<number, string>> {
    const { cluster } = this;
    for (const other of cluster.names) if (other !== name) cluster.world.wires.cut(name, other);
    const read = await this.read(name);
    cluster.world.wires.healAll();
    return read;
  }

  /** Everything live at that member, as it gives it to its machine. */
  async read(name: string): Promise<Map<number, string>> {
    const { log, machine } = this.cluster.life(name);
    const positions = [...machine.live] as JournalPosition[];
    const read = await this.cluster.world.simulation.run(() => log?.readPayloads(positions) ?? Promise.resolve([]));
    return new Map(
      read.map((found, at) => [positions[at] ?? 0, typeof found === 'string' ? found : decodeText(found)]),
    );
  }

  /** What every member must find, by what the leader has applied. */
  truth(): Map<number, string> {
    const { machine } = this.cluster.life(this.leader);
    const live = machine.applied.filter(({ position }) => machine.live.has(position));
    return new Map(live.map(({ position, text }) => [position, text]));
  }

  said(name: string, what: RegExp): readonly string[] {
    return this.cluster.life(name).lines.filter((line) => what.test(line));
  }

  /** How many live records that member had to fetch in this life, and of how many. */
  toFetch(name: string): readonly number[] {
    const [line = ''] = this.said(name, /live records are to be fetched/);
    return (/(\d+) of its (\d+) live/.exec(line) ?? []).slice(1).map(Number);
  }

  files(name: string, directory: string): readonly string[] {
    return this.cluster.world.host(name).device.list(directory);
  }
}
