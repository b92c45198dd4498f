import type { Disk, DiskFile } from '@lockstep/kernel';

import { tryCrash } from '@lockstep/raft-log/trials';

import type { Mutant } from './mutant.ts';

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

/** A journal file is made, renamed or removed, and its directory left as it was. */
function forgetsDirectories(disk: Disk): Disk {
  return { ...withFiles(disk, (file) => file), syncDirectory: async () => {} };
}

/** Something wrong between the storage and the disk. */
export const diskMutants: readonly Mutant[] = [
  { name: 'fsync skipped before an acknowledgement', mutation: () => ({ lieAboutSync: true }) },
  { name: 'fsync answered before it is done', mutation: () => ({ disk: answersEarly }) },
  { name: 'votes not persisted', mutation: () => ({ disk: forgetsVotes }) },
  {
    name: 'directories never synced',
    trial: { of: 'a storage whose power fails', run: (seed) => tryCrash(seed, { disk: forgetsDirectories }) },
  },
];
