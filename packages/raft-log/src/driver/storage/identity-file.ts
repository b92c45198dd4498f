import { crc32 } from 'node:zlib';
import { decodeTextStrictly, encodeText } from '@lockstep/kernel';
import type { Disk } from '@lockstep/kernel';
import { isJoint, membersOf } from '../../node/index.ts';
import type { ConfigurationAt } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import type { Identity } from '../storage-types.ts';
import { createAtomically, readWhole } from './files.ts';
import { NewerFormatError } from './newer-format-error.ts';

const identityPath = 'identity.json';
const identityVersion = 2;

/** The file holds `{"crc32": …, "identity": …}`; the checksum is that of the identity as `JSON.stringify` writes it. */
function checksumOf(identity: object): string {
  return crc32(JSON.stringify(identity)).toString(16).padStart(8, '0');
}

/** Null when there is none. @throws CorruptionError, NewerFormatError */
export async function readIdentity(disk: Pick<Disk, 'list' | 'open'>): Promise<Identity | null> {
  if (!(await disk.list('.')).includes(identityPath)) return null;
  const file = await disk.open(identityPath, 'read');
  const text = decodeTextStrictly(await readWhole(file));
  await file.close();
  const identity = text === null ? null : checkedIdentity(text);
  if (identity === null) throw new CorruptionError(identityPath, 0, 'its checksum does not match what it says');
  if (identity.formatVersion > identityVersion) {
    throw new NewerFormatError(identityPath, identity.formatVersion, identityVersion);
  }
  return identity;
}

function checkedIdentity(text: string): Identity | null {
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof envelope !== 'object' || envelope === null || !('identity' in envelope) || !('crc32' in envelope))
    return null;
  const { identity } = envelope;
  if (typeof identity !== 'object' || identity === null || checksumOf(identity) !== envelope.crc32) return null;
  // What passes the checksum is what `writeIdentity` wrote.
  return identity as Identity;
}

/** On disk when it resolves; a crash leaves the one before or this one. */
export async function writeIdentity(disk: Disk, identity: Identity): Promise<void> {
  const text = JSON.stringify({ crc32: checksumOf(identity), identity }, null, 2);
  await createAtomically(disk, identityPath, [encodeText(`${text}\n`)]);
}

/**
 * The identity once that configuration is committed: its members are the configuration's from now on. So that they outlive damage: who has been left
 * alone must know it when its snapshot, which may be all that says it, can't be read any more; and who was joined, that there are others to ask. A witness that
 * the configuration does not name (it has been removed, or is about to be added) stays one: there is no state on its disk. Null: it says so already, or the
 * change is not complete.
 */
export function identityFollowing(identity: Identity, { index, configuration }: ConfigurationAt): Identity | null {
  const members = membersOf(configuration);
  if (identity.state !== 'founded' || isJoint(configuration) || members.length === 0) return null;
  const before = identity.witnesses ?? [];
  const unnamed = before.filter((id) => id === identity.node && !members.includes(id));
  const witnesses = [...configuration.witnesses, ...unnamed];
  if (sameSet(members, identity.members) && sameSet(witnesses, before)) return null;
  return { ...identity, formatVersion: 2, members, membersAt: index, witnesses };
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}
