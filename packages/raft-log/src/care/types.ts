import type { Disk } from '@lockstep/kernel';

/** What looking needs of a disk: nothing that writes. */
export type ReadableDisk = Pick<Disk, 'list'> & { open(path: string, mode: 'read'): ReturnType<Disk['open']> };

/**
 * - `torn`: a write that a crash cut short. Nobody was told of it; the next start cuts it off.
 * - `record`: bytes that should be records.
 * - `frame`: bytes around records (a write's header, the space behind it): no record is lost by it.
 * - `segment`: a segment file's beginning, or its place in the chain.
 * - `index`: a table of where records stand; it is made anew from them.
 * - `snapshot`, `votes`, `identity`: those files.
 * - `missing`: what should be there is in no file.
 * - `newer`: a newer program wrote it.
 */
export type DamageKind =
  | 'torn'
  | 'record'
  | 'frame'
  | 'segment'
  | 'index'
  | 'snapshot'
  | 'votes'
  | 'identity'
  | 'missing'
  | 'newer';

export interface Damage {
  /** In the data directory. */
  readonly file: string;
  readonly offset: number;
  /** 0: not known, or nothing is there. */
  readonly bytes: number;
  readonly kind: DamageKind;
  /** What does not fit, for people. */
  readonly detail: string;
  /** The entries whose records it held; null where that can't be told or there are none. */
  readonly entries: { readonly from: number; readonly to: number } | null;
}

/** `done` of `total` bytes have been looked at. */
export type OnProgress = (done: number, total: number) => void;
