import { decodeText, encodeText } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { SimRandom } from '@lockstep/testkit';

import { Cluster } from './cluster.ts';
import type { AppliedCommand } from './cluster.ts';

export interface ChaosReport {
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly crashes: number;
  /** Times that a member lost its disk, and that records on a disk were damaged. */
  readonly wipes: number;
  readonly damages: number;
  readonly story: string;
}

/** What one member ever applied, over all its lives. */
type Archive = AppliedCommand[];

const settings = { snapshotBytes: 3000, segmentBytes: 4096, tailBytesMax: 1500 };

/**
 * Three members under crashes, kills, pauses, cuts and broken connections, with somebody proposing all the time; then all is healed. What
 * must hold: what any member applies at a position is what every other member applies there; what was acknowledged (applied by
 * the member that took it, while it led) is there at the end, in order; in the end all make progress. One of the three has a bad disk: it is replaced by an
 * empty one now and then, and bits of what it keeps below the log change. Every record that lives at the end is read back from every member.
 */
export async function chaos(seed: number): Promise<ChaosReport> {
  const run = new Chaos(seed);
  return run.run();
}

class Chaos {
  readonly #seed: number;
  readonly #cluster: Cluster;
  readonly #random: SimRandom;
  readonly #violations: string[] = [];
  /** By position: the one command that may ever be applied there. */
  readonly #truth: Map<number, string> = new Map();
  readonly #acknowledged: AppliedCommand[] = [];
  #pending: { readonly name: string; readonly position: number; readonly text: string; readonly life: object }[] = [];
  readonly #checked: Map<object, number> = new Map();
  /** The one with the bad disk: more than one of three at a time is more than three survive. */
  readonly #unlucky: string;
  #proposed = 0;
  #crashes = 0;
  #wipes = 0;
  #damages = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#cluster = new Cluster(`chaos ${seed}`, { settings });
    this.#random = new SimRandom(`plan ${seed}`);
    this.#unlucky = this.#random.pick(this.#cluster.names);
  }

  async run(): Promise<ChaosReport> {
    const cluster = this.#cluster;
    cluster.startAll();
    await cluster.untilLed();
    for (let round = 0; round < 40; round += 1) {
      this.#disturb();
      const turns = 1 + this.#random.below(10);
      for (let turn = 0; turn < turns; turn += 1) {
        this.#propose();
        await cluster.pass(this.#random.between(1, 60));
        this.#observe();
      }
    }
    await this.#heal();
    return {
      violations: this.#violations,
      acknowledged: this.#acknowledged.length,
      crashes: this.#crashes,
      wipes: this.#wipes,
      damages: this.#damages,
      story: `seed ${this.#seed}\n${cluster.story()}`,
    };
  }

  #disturb(): void {
    const cluster = this.#cluster;
    const name = this.#random.pick(cluster.names);
    const other = this.#random.pick(cluster.names);
    const { process } = cluster.life(name);
    const { wires } = cluster.world;
    switch (this.#random.below(10)) {
      case 0:
      case 1:
        this.#stop(name);
        break;
      case 2:
        if (process.state === 'running') process.pause();
        break;
      case 3:
        if (name !== other) wires.cut(name, other);
        break;
      case 4:
        if (name !== other) wires.cutOneWay(name, other);
        break;
      case 5:
        wires.healAll();
        break;
      case 6:
        this.#wipe();
        break;
      case 7:
        this.#damage();
        break;
      default:
        for (const each of cluster.names) this.#revive(each);
    }
  }

  #stop(name: string): void {
    if (this.#cluster.life(name).process.state === 'dead') return;
    this.#crashes += 1;
    this.#observe();
    const host = this.#cluster.world.host(name);
    if (this.#random.chance(0.5)) host.kill();
    else host.crash({ silent: this.#random.chance(0.3) });
  }

  /** Only while all vote, so that what it acknowledged is on other disks too. */
  #wipe(): void {
    const all = this.#cluster.names.map((name) => this.#cluster.life(name));
    if (!all.every(({ process, log }) => process.state === 'running' && log?.status.raft?.standing === 'voter')) return;
    this.#wipes += 1;
    this.#observe();
    const host = this.#cluster.world.host(this.#unlucky);
    host.crash();
    host.replaceDisk();
    if (this.#random.chance(0.5)) this.#cluster.start(this.#unlucky);
  }

  #damage(): void {
    const { device } = this.#cluster.world.host(this.#unlucky);
    const files = device.files.filter(({ path, length }) => path.startsWith('records/') && length > 0);
    if (files.length === 0) return;
    this.#damages += 1;
    for (let left = this.#random.pick([1, 3, 20]); left > 0; left -= 1) {
      const { path, length } = this.#random.pick(files);
      device.rot(path, this.#random.below(length), 1 << this.#random.below(8));
    }
  }

  #revive(name: string): void {
    const { process } = this.#cluster.life(name);
    if (process.state === 'paused') process.resume();
    else if (process.state === 'dead') this.#cluster.start(name);
  }

  #propose(): void {
    for (const name of this.#cluster.names) {
      const life = this.#cluster.life(name);
      if (life.process.state !== 'running' || life.log?.leading !== true) continue;
      const count = 1 + this.#random.below(5);
      const texts = Array.from({ length: count }, () => this.#text(life.machine.live, name));
      const position = life.log.propose(texts.map(encodeText));
      if (typeof position !== 'number') continue;
      for (const [at, text] of texts.entries()) this.#pending.push({ name, position: position + at, text, life });
    }
  }

  /** A command; every other one is kept until a later one drops it. */
  #text(live: ReadonlySet<number>, name: string): string {
    if (live.size > 20 && this.#random.chance(0.3)) return `drop ${this.#random.pick([...live])}`;
    const kept = this.#random.chance(0.5) ? 'keep ' : '';
    return `${kept}${name} ${(this.#proposed += 1)} ${'.'.repeat(this.#random.below(80))}|`;
  }

  /** Looks at what has been applied since the last time. */
  #observe(): void {
    for (const name of this.#cluster.names) {
      const life = this.#cluster.life(name);
      if (life.failure !== null) this.#violation(`${name} failed: ${life.failure.message}`);
      const { applied, restores } = life.machine;
      const from = this.#checked.get(life.machine) ?? 0;
      const begin = restores > 0 ? 0 : from;
      for (const one of applied.slice(begin)) this.#check(name, one);
      this.#checked.set(life.machine, applied.length);
    }
    this.#pending = this.#pending.filter((one) => {
      const life = this.#cluster.life(one.name);
      if (life !== one.life) return false;
      if (this.#truth.get(one.position) === one.text && hasApplied(life.machine.applied, one.position)) {
        this.#acknowledged.push(one);
        return false;
      }
      return true;
    });
  }

  #check(name: string, { position, text }: AppliedCommand): void {
    const truth = this.#truth.get(position);
    if (truth === undefined) this.#truth.set(position, text);
    else if (truth !== text) this.#violation(`${name} applied "${text}" at ${position}, where "${truth}" was applied`);
  }

  async #heal(): Promise<void> {
    const cluster = this.#cluster;
    cluster.world.wires.healAll();
    for (const name of cluster.names) this.#revive(name);
    const last = `the last ${this.#seed}`;
    const led = await cluster.until(() => cluster.leader !== null, 60_000);
    if (!led) this.#violation('nobody leads after all is healed');
    let position: number | null = null;
    for (let attempt = 0; attempt < 5 && position === null; attempt += 1) {
      await cluster.until(() => cluster.leader !== null, 60_000);
      position = await cluster.commit(last);
    }
    if (position === null) this.#violation('no progress after all is healed');
    const caughtUp = await cluster.until(
      () => cluster.names.every((name) => cluster.texts(name).at(-1) === last),
      60_000,
    );
    if (!caughtUp) this.#violation('not all have caught up');
    this.#observe();
    for (const name of cluster.names) this.#checkArchive(name, cluster.life(name).machine.applied);
    for (const name of cluster.names) await this.#checkRecords(name);
  }

  /** What lives is read back as it was applied. */
  async #checkRecords(name: string): Promise<void> {
    const { machine, log } = this.#cluster.life(name);
    const positions = [...machine.live] as JournalPosition[];
    const read = await this.#cluster.world.simulation.run(() => log?.readPayloads(positions) ?? Promise.resolve([]));
    for (const [at, found] of read.entries()) {
      const position = positions[at] ?? 0;
      const text = typeof found === 'string' ? found : decodeText(found);
      if (text !== this.#truth.get(position))
        this.#violation(`${name} reads "${text}" at ${position}, not "${this.#truth.get(position)}"`);
    }
  }

  #checkArchive(name: string, archive: Archive): void {
    const there = new Map(archive.map(({ position, text }) => [position, text]));
    for (const { position, text } of this.#acknowledged) {
      if (there.get(position) !== text) this.#violation(`${name} has lost the acknowledged "${text}" at ${position}`);
    }
    const seen = archive.map(({ text }) => text).filter((text) => !/^(the last|drop)/.test(text));
    if (new Set(seen).size !== seen.length) this.#violation(`${name} applied something twice`);
  }

  #violation(text: string): void {
    if (this.#violations.length < 20) this.#violations.push(`seed ${this.#seed}: ${text}`);
  }
}

function hasApplied(applied: readonly AppliedCommand[], position: number): boolean {
  for (let at = applied.length - 1; at >= 0; at -= 1) {
    const found = applied[at]?.position ?? 0;
    if (found === position) return true;
    if (found < position) return false;
  }
  return false;
}
