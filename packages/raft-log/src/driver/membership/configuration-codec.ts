import { Packr } from 'msgpackr';
import type { NodeId } from '@lockstep/kernel';
import { isConfiguration } from '../../node/index.ts';
import type { Configuration, ConfigurationAt } from '../../node/index.ts';

const version = 1;
const packr: Packr = new Packr({ useRecords: false });

/** A configuration as bytes: a msgpackr array with a version in front. In journal entries, snapshots, and shapes for witnesses. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const { voters, votersOutgoing, votersNext, learners, witnesses, addresses, level } = configuration;
  return packr.pack([
    version,
    voters,
    votersOutgoing,
    votersNext,
    learners,
    witnesses,
    Object.entries(addresses),
    level,
  ]);
}

/** Null when the bytes are none, or one that no correct leader makes. */
export function decodeConfiguration(bytes: Uint8Array): Configuration | null {
  const fields = unpack(bytes);
  if (fields === null || fields.length !== 8 || fields[0] !== version) return null;
  const lists = fields.slice(1, 6);
  const addresses: unknown = fields[6];
  const level: unknown = fields[7];
  if (!lists.every(isTexts) || !isPairs(addresses) || typeof level !== 'number') return null;
  const [voters = [], votersOutgoing = [], votersNext = [], learners = [], witnesses = []] = lists as NodeId[][];
  const configuration = {
    voters,
    votersOutgoing,
    votersNext,
    learners,
    witnesses,
    addresses: Object.fromEntries(addresses),
    level,
  };
  return isConfiguration(configuration) ? configuration : null;
}

/** As a snapshot holds it: with the index of the entry that brought it. */
export function encodeConfigurationAt({ index, configuration }: ConfigurationAt): Uint8Array {
  return packr.pack([index, encodeConfiguration(configuration)]);
}

/** Null when the bytes are none. */
export function decodeConfigurationAt(bytes: Uint8Array): ConfigurationAt | null {
  const fields = unpack(bytes);
  const index = fields?.[0];
  const encoded = fields?.[1];
  if (fields?.length !== 2 || typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0) return null;
  const configuration = encoded instanceof Uint8Array ? decodeConfiguration(encoded) : null;
  return configuration === null ? null : { index, configuration };
}

function unpack(bytes: Uint8Array): readonly unknown[] | null {
  try {
    const value: unknown = packr.unpack(bytes);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isPairs(value: unknown): value is [string, string][] {
  return Array.isArray(value) && value.every((item) => isTexts(item) && item.length === 2);
}
