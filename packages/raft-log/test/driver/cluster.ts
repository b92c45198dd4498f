import { decodeText, encodeText, silentLog } from '@lockstep/kernel';
import type { JournalPosition, Log, NodeId } from '@lockstep/kernel';
import { SimWorld } from '@lockstep/testkit';
import type { SimProcess } from '@lockstep/testkit';

import type { ReplicatedLogOptions, ReplicatedLogSettings } from '../../src/driver/replicated-log-options.ts';
import { ReplicatedLog } from '../../src/driver/replicated-log.ts';
import type {
  CommittedCommand,
  Leadership,
  LiveRecords,
  SnapshotRestore,
  StateMachine,
} from '../../src/driver/types.ts';

export interface AppliedCommand {
  readonly position: number;
  readonly text: string;
}

/** White space behind JSON. */
const snapshotEnd = '\n';

/** Remembers all commands, in order. One whose text begins with `keep` is retained, until a `drop <position>` releases it. */
export class Recorder implements StateMachine {
  applied: AppliedCommand[] = [];
  live: Set<number> = new Set();
  leadership: Leadership | null = null;
  readonly leaderships: Leadership[] = [];
  restores = 0;

  apply(commands: readonly CommittedCommand[], records: LiveRecords): void {
    for (const { position, payload } of commands) {
      const last = this.applied.at(-1)?.position ?? 0;
      if (position <= last) throw new Error(`position ${position} after ${last}`);
      const text = decodeText(payload).trimEnd();
      this.applied.push({ position, text });
      const dropped = /^drop (\d+)$/.exec(text)?.[1];
      if (text.startsWith('keep')) {
        this.live.add(position);
        records.retain(position);
      } else if (dropped !== undefined) {
        this.live.delete(Number(dropped));
        records.release(Number(dropped) as JournalPosition);
      }
    }
  }

  snapshot(): Iterable<Uint8Array> {
    const text = JSON.stringify({ applied: this.applied, live: [...this.live] }) + snapshotEnd;
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < text.length; at += 1000) chunks.push(encodeText(text.slice(at, at + 1000)));
    return chunks;
  }

  restore(refersTo: (position: JournalPosition) => void): SnapshotRestore {
    let text = '';
    const state = (): { applied: AppliedCommand[]; live: number[] } => JSON.parse(text);
    return {
      write: (chunk) => {
        text += decodeText(chunk);
        if (text.endsWith(snapshotEnd)) for (const position of state().live) refersTo(position as JournalPosition);
      },
      finish: (position: JournalPosition) => {
        const { applied, live } = state();
        this.applied = applied;
        this.live = new Set(live);
        this.restores += 1;
        if ((this.applied.at(-1)?.position ?? 0) > position) throw new Error('a snapshot from the future');
      },
    };
  }

  leadershipChanged(leadership: Leadership): void {
    this.leadership = leadership;
    this.leaderships.push(leadership);
  }
}

/** One life of one member. */
export interface Life {
  readonly process: SimProcess;
  readonly machine: Recorder;
  readonly lines: string[];
  log: ReplicatedLog | null;
  failure: Error | null;
}

export interface ClusterOptions {
  readonly names?: readonly string[];
  readonly settings?: Partial<ReplicatedLogSettings>;
  readonly changes?: (name: string) => Partial<ReplicatedLogOptions>;
}

const port = 7000;

/** Members of one logical broker in a simulated world. */
export class Cluster {
  readonly world: SimWorld;
  readonly names: readonly string[];
  readonly lives: Map<string, Life> = new Map();
  readonly #options: ClusterOptions;

  constructor(seed: number | string, options: ClusterOptions = {}) {
    this.world = new SimWorld(seed);
    this.names = options.names ?? ['a', 'b', 'c'];
    this.#options = options;
    for (const name of this.names) this.world.host(name);
  }

  start(name: string, changes: Partial<ReplicatedLogOptions> = {}): Life {
    const process = this.world.host(name).start();
    const machine = new Recorder();
    const lines: string[] = [];
    const say =
      (level: string) =>
      (text: string): void => {
        lines.push(`${this.world.simulation.nowMs.toFixed(0)} ${level}${text}`);
      };
    const log: Log = { ...silentLog, info: say(''), warn: say('WARN '), error: say('ERROR ') };
    const life: Life = { process, machine, lines, log: null, failure: null };
    this.lives.set(name, life);
    const { clock, random, disk, network } = process;
    const members = this.names.map((id) => ({ id: id as NodeId, address: { host: id, port } }));
    const listen = this.names.length === 1 ? null : { host: '0.0.0.0', port };
    const base = { node: name as NodeId, broker: 'east', about: '', members, listen, secret: encodeText('s') };
    const settings = this.#options.settings ?? {};
    const ports = { clock, random, disk, network, log, machine };
    const options = { ...base, ...ports, settings, ...this.#options.changes?.(name), ...changes };
    ReplicatedLog.open(options).then(
      (opened) => {
        life.log = opened;
        opened.onFailure((error) => (life.failure = error));
      },
      (error: unknown) => (life.failure = error instanceof Error ? error : new Error('no error')),
    );
    return life;
  }

  startAll(): this {
    for (const name of this.names) this.start(name);
    return this;
  }

  life(name: string): Life {
    const life = this.lives.get(name);
    if (life === undefined) throw new Error(`${name} was never started`);
    return life;
  }

  /** The member that may lead now; null when there is none. */
  get leader(): string | null {
    for (const name of this.names) {
      const life = this.lives.get(name);
      if (life?.process.state === 'running' && life.log?.leading === true) return name;
    }
    return null;
  }

  async until(goal: () => boolean, limitMs: number = 30_000): Promise<boolean> {
    return this.world.simulation.runUntil(goal, limitMs);
  }

  async pass(ms: number): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + ms);
  }

  async untilLed(limitMs: number = 30_000): Promise<string> {
    await this.until(() => this.leader !== null, limitMs);
    if (this.leader === null) throw new Error(`no leader:\n${this.story()}`);
    return this.leader;
  }

  /**
   * Proposes on the leader, and waits until that member has applied it; null when it was refused or it did not come to pass. Blanks behind it
   * that make the record longer are not remembered.
   */
  async commit(text: string, blanks = 0): Promise<number | null> {
    const name = this.leader;
    const life = name === null ? null : this.life(name);
    const position = life?.log?.propose([encodeText(text + ' '.repeat(blanks))]);
    if (life === null || typeof position !== 'number') return null;
    const has = (): boolean => life.machine.applied.some((one) => one.position === position && one.text === text);
    return (await this.until(() => has() || life.process.state !== 'running', 5000)) && has() ? position : null;
  }

  texts(name: string): readonly string[] {
    return this.life(name).machine.applied.map(({ text }) => text);
  }

  kill(name: string): void {
    this.world.host(name).kill(this.life(name).process);
  }

  story(): string {
    return this.names.map((name) => `${name}:\n  ${this.lives.get(name)?.lines.join('\n  ') ?? ''}`).join('\n');
  }
}
