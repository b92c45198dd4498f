import type { Clock, Disk, Log, NodeId, Random } from '@lockstep/kernel';
import { makeId } from '../driver/founding.ts';
import { ownLevels } from '../driver/levels.ts';
import type { Identity, Storage } from '../driver/storage-types.ts';
import { openStorage } from '../driver/storage/open-storage.ts';
import { makeConfigurationEntry } from '../driver/storage/record.ts';
import { configurationOf } from '../node/index.ts';

export interface SoleMemberPorts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Makes the log in a data directory that of a cluster of one, under a new cluster id: what stands in it, committed or not, is the truth from now on. No other
 * member of the old cluster will work with it, nor it with them. Done again after a crash, it ends in the same. Answers the new cluster id.
 * @throws CorruptionError, NewerFormatError, DiskError; an Error when the directory is not that of a member
 */
export async function becomeSoleMember({ disk, clock, random, log }: SoleMemberPorts): Promise<string> {
  // The size of a segment counts only for what is written here, which is little.
  const storage = await openStorage({ disk, clock, log, segmentBytes: 1024 * 1024, fsync: 'always', alone: true });
  try {
    const { identity } = storage;
    if (identity?.state !== 'founded') throw new Error('the data directory is not that of a member of a cluster');
    const { node, broker } = identity;
    const clusterId = makeId(random);
    const sole: Identity = {
      ...{ formatVersion: 1, broker, node, clusterId, members: [node], state: 'founded' },
      incarnation: makeId(random),
    };
    // First: with it nobody of the old cluster can be outvoted, whatever becomes of the rest.
    await storage.writeIdentity(sole);
    await appendConfiguration(storage, node);
    return clusterId;
  } finally {
    await storage.close();
  }
}

/** A term that nobody was in: what this node has voted for is of the past. */
async function appendConfiguration(storage: Storage, node: NodeId): Promise<void> {
  const { hardState, lastIndex, terms, configurations } = storage.recovered;
  const term = Math.max(hardState.term, terms.at(-1)?.term ?? 0) + 1;
  const level = configurations.at(-1)?.configuration.level ?? ownLevels.max;
  const entry = makeConfigurationEntry(lastIndex + 1, term, { ...configurationOf([node]), level });
  await new Promise<void>((resolve, reject) => {
    storage.onFailure(reject);
    storage.write({ hardState: { term, votedFor: node, standing: 'voter' }, entries: [entry] }, resolve);
  });
}
