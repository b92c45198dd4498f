import { DiskError } from '@lockstep/kernel';
import type { RecordDamage } from '../../storage-types.ts';
import type { RecordFault } from '../record.ts';
import type { ByteSource, RecordSpan } from './byte-source.ts';
import type { FilePool } from './file-pool.ts';
import type { SlotTable } from './slot-table.ts';

/** A file of the record store: for whoever decides what becomes of it. */
export interface RecordFileInfo {
  readonly id: number;
  readonly path: string;
  /** `segment`: a retired one, with everything that was ever written into it. `store`: made for its records. */
  readonly kind: 'segment' | 'store';
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly count: number;
  /** Size of the file, its sidecar not counted. */
  readonly bytes: number;
  /** Records that can't be read any more. */
  readonly damagedCount: number;
}

/** A file that holds records for good. */
export class RecordFile implements RecordFileInfo, ByteSource {
  readonly id: number;
  readonly path: string;
  readonly kind: 'segment' | 'store';
  readonly table: SlotTable;
  readonly bytes: number;
  /** What is wrong with those records that were found damaged here. */
  readonly damaged: Map<number, string> = new Map();
  readonly #pool: FilePool;

  constructor(id: number, path: string, kind: 'segment' | 'store', table: SlotTable, bytes: number, pool: FilePool) {
    this.id = id;
    this.path = path;
    this.kind = kind;
    this.table = table;
    this.bytes = bytes;
    this.#pool = pool;
  }

  get firstPosition(): number {
    return this.table.first;
  }

  get lastPosition(): number {
    return this.table.last;
  }

  get count(): number {
    return this.table.count;
  }

  get damagedCount(): number {
    return this.damaged.size;
  }

  get settledEnd(): number {
    return this.bytes;
  }

  /** Null when the record is not listed here at all. */
  markDamaged(position: number, fault: RecordFault): RecordDamage | null {
    if (this.table.slotOf(position) < 0) return null;
    this.damaged.set(position, fault);
    return this.damageOf(position);
  }

  /** Null when no damage was found in that record. */
  damageOf(position: number): RecordDamage | null {
    const detail = this.damaged.get(position);
    if (detail === undefined) return null;
    return { position, file: this.path, offset: this.table.offsets[this.table.slotOf(position)]!, detail };
  }

  /** Null when the record is not listed here at all. */
  spanOf(position: number): RecordSpan | null {
    const slot = this.table.slotOf(position);
    if (slot < 0) return null;
    const { offsets } = this.table;
    return { source: this, offset: offsets[slot]!, limit: offsets[slot + 1]! };
  }

  /** What can't be read is as good as cut off. */
  async read(into: Uint8Array, position: number): Promise<number> {
    try {
      return await this.#pool.read(this.path, into, position);
    } catch (error) {
      if (error instanceof DiskError && (error.code === 'EIO' || error.code === 'ENOENT')) return 0;
      throw error;
    }
  }
}
