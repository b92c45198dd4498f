import type { BrokerNodeOptions } from '@lockstep/broker';
import type { Disk, DiskFile } from '@lockstep/kernel';
import { RaftNode } from '@lockstep/raft-log';

import type { ClusterMutation } from './sim-cluster.ts';

/** A deliberately broken node. The simulation must notice, else its silence means nothing. */
export interface Mutant {
  readonly name: string;
  readonly mutation: () => ClusterMutation;
}

export const mutants: readonly Mutant[] = [
  { name: 'fsync skipped before an acknowledgement', mutation: () => ({ lieAboutSync: true }) },
  { name: 'votes not persisted', mutation: () => ({ disk: forgetsVotes }) },
  { name: 'entries of an earlier term committed by counting', mutation: () => ({ options: countsEarlierTerms }) },
];

/** Raft, figure 8. */
class CountsEarlierTerms extends RaftNode {
  protected override mayCommit(): boolean {
    return true;
  }
}

function countsEarlierTerms(options: BrokerNodeOptions): BrokerNodeOptions {
  return { ...options, makeRaftNode: (raft) => new CountsEarlierTerms(raft) };
}

/** What is written to the hard state's file after it was made goes nowhere: a node that comes back has forgotten its term and its vote. */
function forgetsVotes(disk: Disk): Disk {
  return {
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      return path === 'hard-state' ? forgetful(file) : file;
    },
  };
}

function forgetful(file: DiskFile): DiskFile {
  return {
    size: () => file.size(),
    read: (into, position) => file.read(into, position),
    write: () => Promise.resolve(),
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}
