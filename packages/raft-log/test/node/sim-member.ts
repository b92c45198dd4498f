import type { NodeId, Random } from '@lockstep/kernel';
import { configurationOf, entryKind, RaftNode, Rules } from '../../src/node/index.ts';
import type { Entry, HardState, RaftBatch, RaftOptions } from '../../src/node/index.ts';

/** The bug to build in, so that the checks can be seen to find it. */
export type Mutant =
  | 'none'
  | 'counts-earlier-terms'
  | 'votes-not-persisted'
  | 'answers-before-disk'
  | 'wiped-may-vote'
  | 'admits-unconfirmed';

/** What survives a crash. */
export interface DiskState {
  hardState: HardState;
  snapshotIndex: number;
  snapshotTerm: number;
  firstIndex: number;
  /** From `firstIndex` on. */
  entries: Entry[];
}

export function emptyDisk(standing: HardState['standing']): DiskState {
  const hardState = { term: 0, votedFor: null, standing };
  return { hardState, snapshotIndex: 0, snapshotTerm: 0, firstIndex: 1, entries: [] };
}

class CountsEarlierTerms extends Rules {
  override mayCommit(): boolean {
    return true;
  }
}

/** One member: a pure node, its disk, and the batches that the disk has not yet taken. */
export class SimMember {
  readonly id: NodeId;
  readonly disk: DiskState;
  /** The journal with what is queued for it. */
  queued: Pick<DiskState, 'firstIndex' | 'entries' | 'snapshotIndex' | 'snapshotTerm'>;
  readonly node: RaftNode;
  /** Taken and not yet on disk. */
  readonly unwritten: RaftBatch[] = [];
  readonly mutant: Mutant;

  constructor(
    id: NodeId,
    members: readonly NodeId[],
    disk: DiskState,
    random: Random,
    mutant: Mutant,
    settings: Partial<RaftOptions> = {},
  ) {
    this.id = id;
    this.disk = disk;
    this.mutant = mutant;
    this.queued = { ...disk, entries: disk.entries.slice() };
    const options = { ...optionsFor(id, members, disk, random), ...settings };
    this.node = new RaftNode(options, mutant === 'counts-earlier-terms' ? new CountsEarlierTerms() : new Rules());
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
    for (const journal of [this.disk, this.queued]) {
      journal.snapshotIndex = index;
      journal.snapshotTerm = term;
      const first = Math.max(journal.firstIndex, index + 1 - keep);
      journal.entries.splice(0, first - journal.firstIndex);
      journal.firstIndex = first;
    }
    this.node.step({ type: 'snapshotTaken', index });
  }
}

function writeTo(
  journal: Pick<DiskState, 'firstIndex' | 'entries' | 'snapshotIndex' | 'snapshotTerm'>,
  batch: RaftBatch,
) {
  if (batch.install !== null) {
    journal.snapshotIndex = batch.install.index;
    journal.snapshotTerm = batch.install.term;
    journal.firstIndex = batch.install.index + 1;
    journal.entries.length = 0;
  }
  const entries = batch.persist?.entries ?? [];
  if (entries.length === 0) return;
  const at = entries[0]!.index - journal.firstIndex;
  if (at < 0 || at > journal.entries.length) throw new Error('a write leaves a gap');
  journal.entries.length = at;
  journal.entries.push(...entries);
}

function optionsFor(id: NodeId, members: readonly NodeId[], disk: DiskState, random: Random): RaftOptions {
  const terms: { index: number; term: number }[] = [];
  for (const { index, term } of disk.entries) if (terms.at(-1)?.term !== term) terms.push({ index, term });
  const { hardState, snapshotIndex, snapshotTerm, firstIndex } = disk;
  const lastIndex = firstIndex + disk.entries.length - 1;
  return {
    id,
    founding: configurationOf(members),
    random,
    recovered: { hardState, snapshotIndex, snapshotTerm, firstIndex, lastIndex, terms, configurations: [] },
    electionTicks: 6,
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
