import type { NodeId, Random } from '@lockstep/kernel';
import { nodeWith } from './mutants.ts';
import type { Mutant } from './mutants.ts';
import { Violation } from './violation.ts';
import { entryKind } from '../../src/node/index.ts';
import type {
  Configuration,
  ConfigurationAt,
  Entry,
  HardState,
  RaftBatch,
  RaftNode,
  RaftOptions,
  RecoveredLog,
} from '../../src/node/index.ts';

const electionTicks = 6;

/** What survives a crash. */
export interface DiskState {
  hardState: HardState;
  snapshotIndex: number;
  snapshotTerm: number;
  /** As the snapshot's file has it; null: there is no snapshot. */
  configuration: ConfigurationAt | null;
  firstIndex: number;
  /** From `firstIndex` on. */
  entries: Entry[];
}

export function emptyDisk(standing: HardState['standing']): DiskState {
  const hardState = { term: 0, votedFor: null, standing };
  return { hardState, snapshotIndex: 0, snapshotTerm: 0, configuration: null, firstIndex: 1, entries: [] };
}

/** Damage in the journal above the snapshot: standing first, then the log is cut before it. Term and vote are in another file. */
export function damagedDisk(disk: DiskState, standing: HardState['standing'], random: Random): DiskState {
  const least = Math.max(0, disk.snapshotIndex + 1 - disk.firstIndex);
  const kept = least + random.below(disk.entries.length - least + 1);
  return { ...disk, hardState: { ...disk.hardState, standing }, entries: disk.entries.slice(0, kept) };
}

type Journal = Omit<DiskState, 'hardState'>;

/** One member: a pure node, its disk, and the batches that the disk has not yet taken. */
export class SimMember {
  readonly id: NodeId;
  readonly disk: DiskState;
  /** The journal with what is queued for it. */
  queued: Journal;
  readonly node: RaftNode;
  /** Taken and not yet on disk. */
  readonly unwritten: RaftBatch[] = [];
  readonly mutant: Mutant;

  constructor(
    id: NodeId,
    founding: Configuration,
    disk: DiskState,
    random: Random,
    mutant: Mutant,
    settings: Partial<RaftOptions> = {},
  ) {
    this.id = id;
    this.disk = disk;
    this.mutant = mutant;
    this.queued = { ...disk, entries: disk.entries.slice() };
    this.node = nodeWith(mutant, { ...optionsFor(id, founding, disk, random), ...settings });
  }

  get electionTicks(): number {
    return electionTicks;
  }

  take(): RaftBatch | null {
    const batch = this.node.takeBatch();
    if (batch === null) return null;
    writeTo(this.queued, batch);
    this.unwritten.push(batch);
    return batch;
  }

  /** The oldest write reaches the disk. */
  write(batch: RaftBatch): void {
    writeTo(this.disk, batch);
    const hardState = batch.persist?.hardState;
    if (hardState === undefined || hardState === null) return;
    const forgetful = this.mutant === 'votes-not-persisted' && hardState.votedFor !== null;
    this.disk.hardState = forgetful ? { ...hardState, votedFor: null } : hardState;
  }

  get diskLastIndex(): number {
    return this.disk.firstIndex + this.disk.entries.length - 1;
  }

  diskTermAt(index: number): number | null {
    if (index === this.disk.snapshotIndex) return this.disk.snapshotTerm;
    return this.disk.entries[index - this.disk.firstIndex]?.term ?? null;
  }

  readQueued(from: number, to: number): readonly Entry[] {
    const { firstIndex, entries } = this.queued;
    return from < firstIndex ? [] : entries.slice(from - firstIndex, Math.min(to, from + 2) - firstIndex + 1);
  }

  snapshotTaken(index: number, term: number, keep: number): void {
    const configuration = this.node.configurationAt(index);
    for (const journal of [this.disk, this.queued]) {
      journal.configuration = configuration;
      journal.snapshotIndex = index;
      journal.snapshotTerm = term;
      const first = Math.max(journal.firstIndex, index + 1 - keep);
      journal.entries.splice(0, first - journal.firstIndex);
      journal.firstIndex = first;
    }
    this.node.step({ type: 'snapshotTaken', index });
  }
}

function writeTo(journal: Journal, batch: RaftBatch): void {
  if (batch.install !== null) {
    journal.snapshotIndex = batch.install.index;
    journal.snapshotTerm = batch.install.term;
    journal.configuration = batch.install.configuration;
    journal.firstIndex = batch.install.index + 1;
    journal.entries.length = 0;
  }
  const entries = batch.persist?.entries ?? [];
  if (entries.length === 0) return;
  const at = entries[0]!.index - journal.firstIndex;
  if (at < 0 || at > journal.entries.length)
    throw new Violation('the log has no holes', `entry ${entries[0]!.index} is written at ${at}`);
  journal.entries.length = at;
  journal.entries.push(...entries);
}

function recoveredFrom(disk: DiskState): RecoveredLog {
  const { hardState, snapshotIndex, snapshotTerm, firstIndex, configuration, entries } = disk;
  const terms: { index: number; term: number }[] = [];
  for (const { index, term } of entries) if (terms.at(-1)?.term !== term) terms.push({ index, term });
  const configurations = configuration === null ? [] : [configuration];
  for (const entry of entries)
    if (entry.configuration !== undefined && entry.index > snapshotIndex)
      configurations.push({ index: entry.index, configuration: entry.configuration });
  const lastIndex = firstIndex + entries.length - 1;
  return { hardState, snapshotIndex, snapshotTerm, firstIndex, lastIndex, terms, configurations };
}

function optionsFor(id: NodeId, founding: Configuration, disk: DiskState, random: Random): RaftOptions {
  return {
    id,
    founding,
    random,
    recovered: recoveredFrom(disk),
    electionTicks,
    heartbeatTicks: 2,
    appendBytesMax: 8,
    inflightBytesMax: 24,
    inflightAppendsMax: 4,
    uncommittedBytesMax: 200,
    tailBytesMax: 32,
    makeEntry: (index, term, kind, payload) => ({
      index,
      term,
      kind,
      record: kind === entryKind.noop ? new Uint8Array(8) : payload.slice(),
    }),
    makeConfigurationEntry: (index, term, configuration) => ({
      index,
      term,
      kind: entryKind.configuration,
      record: new Uint8Array(8),
      configuration,
    }),
  };
}
