import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { assert, decodeText, encodeText } from '@lockstep/kernel';
import type { Disk, DiskFile, NodeId } from '@lockstep/kernel';
import type { HardState } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import { createAtomically } from './files.ts';
import { NewerFormatError } from './newer-format-error.ts';

/*
 * Two slots, written in turn, a page apart so that no disk's sector holds both. A slot is one 512-byte sector, so a crash leaves it
 * as it was or as it was to be; anything else is corruption.
 *
 *    0  magic "LSHS"
 *    4  crc32          u32  of bytes 8 … 511
 *    8  format version u32  (keeps its place in every version to come, as do magic and crc32)
 *   12  standing       u8   0 voter, 1 abstaining
 *   13  voted          u8   0: for nobody
 *   14  name length    u16
 *   16  sequence       u64
 *   24  term           u64
 *   32  name of the node voted for, UTF-8
 */
const hardStatePath = 'hard-state';
const slotBytes = 512;
const slotDistance = 4096;
const slotMagic = 0x5348_534c;
const slotVersion = 1;
const nameOffset = 32;

const initialHardState: HardState = { term: 0, votedFor: null, standing: 'voter' };

interface Slot {
  readonly sequence: number;
  readonly state: HardState;
}

function encodeSlot({ sequence, state }: Slot): Buffer {
  const bytes = Buffer.alloc(slotBytes);
  const name = encodeText(state.votedFor ?? '');
  assert(name.length <= slotBytes - nameOffset, 'a node id fits into the hard state');
  bytes.writeUInt32LE(slotMagic, 0);
  bytes.writeUInt32LE(slotVersion, 8);
  bytes.writeUInt8(state.standing === 'voter' ? 0 : 1, 12);
  bytes.writeUInt8(state.votedFor === null ? 0 : 1, 13);
  bytes.writeUInt16LE(name.length, 14);
  bytes.writeBigUInt64LE(BigInt(sequence), 16);
  bytes.writeBigUInt64LE(BigInt(state.term), 24);
  bytes.set(name, nameOffset);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** Null: never written. */
function decodeSlot(bytes: Buffer, offset: number): Slot | null {
  const slot = bytes.subarray(offset, offset + slotBytes);
  if (slot.every((byte) => byte === 0)) return null;
  if (
    slot.length < slotBytes ||
    slot.readUInt32LE(0) !== slotMagic ||
    crc32(slot.subarray(8)) !== slot.readUInt32LE(4)
  ) {
    throw new CorruptionError(hardStatePath, offset, 'the checksum of the term and vote kept here does not match');
  }
  const version = slot.readUInt32LE(8);
  if (version > slotVersion) throw new NewerFormatError(hardStatePath, version, slotVersion);
  const name = decodeText(slot.subarray(nameOffset, nameOffset + slot.readUInt16LE(14)));
  return {
    sequence: Number(slot.readBigUInt64LE(16)),
    state: {
      term: Number(slot.readBigUInt64LE(24)),
      votedFor: slot[13] === 0 ? null : (name as NodeId),
      standing: slot[12] === 0 ? 'voter' : 'abstaining',
    },
  };
}

function newestSlot(bytes: Buffer): Slot {
  const even = decodeSlot(bytes, 0);
  const odd = decodeSlot(bytes, slotDistance);
  // Consecutive by construction; a slot that was never written counts as 0.
  const step = (odd?.sequence ?? 0) - (even?.sequence ?? 0);
  if (odd !== null && step === 1) return odd;
  if (even !== null && step === -1) return even;
  throw new CorruptionError(hardStatePath, 0, 'one of the two last terms and votes is missing');
}

/**
 * Only reads. Null when there is none.
 * @throws CorruptionError, NewerFormatError
 */
export async function readHardState(disk: Pick<Disk, 'list' | 'open'>): Promise<HardState | null> {
  if (!(await disk.list('.')).includes(hardStatePath)) return null;
  const file = await disk.open(hardStatePath, 'read');
  const bytes = Buffer.alloc(slotDistance + slotBytes);
  const length = await file.read(bytes, 0);
  await file.close();
  return newestSlot(bytes.subarray(0, length)).state;
}

/** `(term, vote, standing)` on disk. */
export class HardStateFile {
  readonly #file: DiskFile;
  #newest: Slot;

  private constructor(file: DiskFile, newest: Slot) {
    this.#file = file;
    this.#newest = newest;
  }

  /** Replaces one that is there. */
  static async create(disk: Disk, state: HardState = initialHardState): Promise<HardStateFile> {
    const first: Slot = { sequence: 1, state };
    await createAtomically(disk, hardStatePath, [Buffer.alloc(slotDistance), encodeSlot(first)]);
    return new HardStateFile(await disk.open(hardStatePath, 'update'), first);
  }

  /**
   * @returns null when there is none.
   * @throws CorruptionError, NewerFormatError
   */
  static async open(disk: Disk): Promise<HardStateFile | null> {
    if (!(await disk.list('.')).includes(hardStatePath)) return null;
    const file = await disk.open(hardStatePath, 'update');
    const bytes = Buffer.alloc(slotDistance + slotBytes);
    const newest = newestSlot(bytes.subarray(0, await file.read(bytes, 0)));
    // It may stand only in the page cache, left there by a process that was killed, or one whose sync failed: then the system takes the
    // page for clean, and it must be written once more.
    await file.write([encodeSlot(newest)], (newest.sequence % 2) * slotDistance);
    await file.sync();
    return new HardStateFile(file, newest);
  }

  get state(): HardState {
    return this.#newest.state;
  }

  /** On disk when it resolves. One call at a time. */
  async write(state: HardState): Promise<void> {
    const slot: Slot = { sequence: this.#newest.sequence + 1, state };
    await this.#file.write([encodeSlot(slot)], (slot.sequence % 2) * slotDistance);
    await this.#file.sync();
    this.#newest = slot;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
