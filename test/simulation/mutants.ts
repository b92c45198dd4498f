import type { BrokerNodeOptions } from '@lockstep/broker';
import type { Disk, DiskFile } from '@lockstep/kernel';
import { RaftNode, Rules } from '@lockstep/raft-log';
import type { RaftOptions } from '@lockstep/raft-log';

import type { ClusterMutation } from './sim-cluster.ts';

/** A deliberately broken node. The simulation must notice, else its silence means nothing. */
export interface Mutant {
  readonly name: string;
  readonly mutation: () => ClusterMutation;
}

type RaftInput = Parameters<RaftNode['step']>[0];
type RaftBatch = NonNullable<ReturnType<RaftNode['takeBatch']>>;

/** Raft, figure 8. */
class CountsEarlierTerms extends Rules {
  override mayCommit(): boolean {
    return true;
  }
}

/** A leader applies, and answers for, what it has only proposed. */
class AppliesUncommitted extends RaftNode {
  override takeBatch(): RaftBatch | null {
    const batch = super.takeBatch();
    return batch === null || this.role !== 'leader' ? batch : { ...batch, commitIndex: this.lastIndex };
  }
}

/** Votes and acknowledgements leave before they are on disk. */
class AnswersBeforeDisk extends RaftNode {
  override takeBatch(): RaftBatch | null {
    const batch = super.takeBatch();
    if (batch === null) return null;
    return { ...batch, sendNow: [...batch.sendNow, ...batch.sendAfterPersist], sendAfterPersist: [] };
  }
}

/** Raft §5.4.1: whoever asks gets the vote, however old its log. */
class VotesForOlderLogs extends RaftNode {
  override step(input: RaftInput): void {
    const asks = input.type === 'receive' && /^(?:preVote|vote)Request$/.test(input.message.type);
    if (!asks) {
      super.step(input);
      return;
    }
    const best = { lastIndex: Number.MAX_SAFE_INTEGER, lastTerm: Number.MAX_SAFE_INTEGER };
    super.step({ ...input, message: { ...input.message, ...best } as typeof input.message });
  }
}

/** Raft §5.3: takes entries whatever stands before them. */
class ComparesNothing extends RaftNode {
  override step(input: RaftInput): void {
    if (input.type !== 'receive' || input.message.type !== 'append') {
      super.step(input);
      return;
    }
    const { message } = input;
    const previousTerm = this.termAt(message.previousIndex) ?? message.previousTerm;
    super.step({ type: 'receive', message: { ...message, previousTerm } });
  }
}

/** Believes that it leads until it is told otherwise. */
class ServesUnconfirmed extends RaftNode {
  override get serving(): boolean {
    return this.role === 'leader' && this.termAt(this.commitIndex) === this.term;
  }
}

export const mutants: readonly Mutant[] = [
  { name: 'fsync skipped before an acknowledgement', mutation: () => ({ lieAboutSync: true }) },
  { name: 'fsync answered before it is done', mutation: () => ({ disk: answersEarly }) },
  { name: 'votes not persisted', mutation: () => ({ disk: forgetsVotes }) },
  {
    // Where an old entry and the leader's own travel together, the bug does not show: one entry at a time.
    name: 'entries of an earlier term committed by counting',
    mutation: () => ({
      faults: ['figureEight'],
      options: (plain) => ({
        ...plain,
        makeRaftNode: (raft) => new RaftNode(raft, new CountsEarlierTerms()),
        logSettings: { ...plain.logSettings, appendBytesMax: 1, inflightAppendsMax: 1 },
      }),
    }),
  },
  made('a receipt for what is only proposed', (raft) => new AppliesUncommitted(raft)),
  made('votes and acknowledgements before they are on disk', (raft) => new AnswersBeforeDisk(raft)),
  made('votes for a log that lacks entries', (raft) => new VotesForOlderLogs(raft)),
  made('entries taken whatever stands before them', (raft) => new ComparesNothing(raft)),
  made('dispatch without a majority', (raft) => new ServesUnconfirmed(raft)),
  made('a vote for an empty journal', (raft) => new RaftNode(withVote(raft))),
];

function made(name: string, makeRaftNode: (options: RaftOptions) => RaftNode): Mutant {
  const options = (plain: BrokerNodeOptions): BrokerNodeOptions => ({ ...plain, makeRaftNode });
  return { name, mutation: () => ({ options }) };
}

/** A node whose disk was wiped votes at once. */
function withVote(options: RaftOptions): RaftOptions {
  const { recovered } = options;
  return { ...options, recovered: { ...recovered, hardState: { ...recovered.hardState, standing: 'voter' } } };
}

/** What is written to the hard state's file after it was made goes nowhere: a node that comes back has forgotten its term and its vote. */
function forgetsVotes(disk: Disk): Disk {
  return withFiles(disk, (file, path) =>
    path === 'hard-state' ? { ...handlesOf(file), write: async () => {} } : file,
  );
}

/** Each sync is done, but answered at once. */
function answersEarly(disk: Disk): Disk {
  return withFiles(disk, (file) => {
    let synced = Promise.resolve();
    const after = async <T>(act: () => Promise<T>): Promise<T> => {
      await synced;
      return act();
    };
    return {
      ...handlesOf(file),
      write: (chunks, position) => after(() => file.write(chunks, position)),
      truncate: (length) => after(() => file.truncate(length)),
      close: () => after(() => file.close()),
      sync: async () => {
        synced = after(() => file.sync()).catch(() => {});
      },
    };
  });
}

function withFiles(disk: Disk, wrap: (file: DiskFile, path: string) => DiskFile): Disk {
  return {
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    space: () => disk.space(),
    open: async (path, mode) => wrap(await disk.open(path, mode), path),
  };
}

function handlesOf(file: DiskFile): DiskFile {
  return {
    size: () => file.size(),
    read: (into, position) => file.read(into, position),
    write: (chunks, position) => file.write(chunks, position),
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}
