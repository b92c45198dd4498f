/** A file of the record store, and what of it is needed. */
export interface FileUse {
  readonly id: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Of the file. */
  readonly bytes: number;
  /** What a store file with only its live records would take. */
  readonly liveBytes: number;
  /** Some of its records can't be read. */
  readonly damaged: boolean;
}

export interface RewritePlan {
  readonly why: 'dead' | 'damaged' | 'sparse' | 'overlapping' | 'small';
  readonly ids: readonly number[];
}

/** A file that would shrink by less than this share is not worth it. */
const wasteMin = 0.1;
/** Neighbours of a sparse file go with it when they would shrink by this share, or are small anyway. */
const neighbourWasteMin = 0.25;
const filesMax = 64;
const smallFilesMax = 32;

/** Beyond this the record store is due for compaction: half as much again as what is live in it, and half a segment. */
export function wantedBytes(uses: readonly FileUse[], segmentBytes: number): number {
  return 1.5 * sumOf(uses, 'liveBytes') + segmentBytes / 2;
}

export function sumOf(uses: readonly FileUse[], what: 'bytes' | 'liveBytes'): number {
  return uses.reduce((sum, use) => sum + use[what], 0);
}

/**
 * Which files to rewrite next, all into one place: neighbours, and about one segment of live records at most, so that each step is short and takes
 * little room. Null: all is well. `uses` by first position.
 *
 * Why it keeps the bound: while the files take more than `wantedBytes`, on average less than two thirds of a file are live; so the sparsest one gives
 * back a third of its bytes or more.
 */
export function planRewrite(uses: readonly FileUse[], segmentBytes: number): RewritePlan | null {
  const dead = uses.filter(({ liveBytes }) => liveBytes === 0);
  // That costs nothing but the removal.
  if (dead.length > 0) return { why: 'dead', ids: dead.map(({ id }) => id) };
  const damaged = uses.find((use) => use.damaged);
  // Once there are copies elsewhere of what it lost, it is not needed, and not to be trusted.
  if (damaged !== undefined) return { why: 'damaged', ids: [damaged.id] };
  if (sumOf(uses, 'bytes') > wantedBytes(uses, segmentBytes)) {
    const sparsest = indexOfSparsest(uses);
    if (sparsest !== null) return { why: 'sparse', ids: withNeighbours(uses, sparsest, segmentBytes) };
  }
  return planOverlapping(uses, segmentBytes) ?? planSmall(uses, segmentBytes);
}

/** Share of the file that a rewrite gives back. */
function wasteOf({ bytes, liveBytes }: FileUse): number {
  return (bytes - liveBytes) / bytes;
}

function indexOfSparsest(uses: readonly FileUse[]): number | null {
  let sparsest: number | null = null;
  let most = wasteMin;
  uses.forEach((use, i) => {
    if (wasteOf(use) < most) return;
    most = wasteOf(use);
    sparsest = i;
  });
  return sparsest;
}

/** So that what is left of many files becomes one file, in the order of positions. */
function withNeighbours(uses: readonly FileUse[], middle: number, segmentBytes: number): readonly number[] {
  const joins = (use: FileUse | undefined): use is FileUse =>
    use !== undefined &&
    (wasteOf(use) >= neighbourWasteMin || isSmall(use, segmentBytes)) &&
    liveBytes + use.liveBytes <= segmentBytes;
  let liveBytes = uses[middle]!.liveBytes;
  let from = middle;
  let to = middle;
  for (let grown = true; grown && to - from + 1 < filesMax;) {
    grown = false;
    for (const [at, side] of [
      [from - 1, 'left'],
      [to + 1, 'right'],
    ] as const) {
      const use = uses[at];
      if (!joins(use)) continue;
      liveBytes += use.liveBytes;
      if (side === 'left') from = at;
      else to = at;
      grown = true;
    }
  }
  return uses.slice(from, to + 1).map(({ id }) => id);
}

/** Files over the same positions: a crash leaves such, and so do records that were fetched. What both hold is there twice, and each look-up visits both. */
function planOverlapping(uses: readonly FileUse[], segmentBytes: number): RewritePlan | null {
  let group: FileUse[] = [];
  let last = -1;
  const fits = (): boolean =>
    group.length > 1 && group.length <= filesMax && sumOf(group, 'liveBytes') <= 2 * segmentBytes;
  for (const use of uses) {
    if (use.firstPosition > last) {
      if (fits()) break;
      group = [];
    }
    group.push(use);
    last = Math.max(last, use.lastPosition);
  }
  return fits() ? { why: 'overlapping', ids: group.map(({ id }) => id) } : null;
}

function isSmall({ bytes }: FileUse, segmentBytes: number): boolean {
  return bytes < segmentBytes / 4;
}

/** A run of small files that become one. Each run only when there are many: else every new one would have the others rewritten with it. */
function planSmall(uses: readonly FileUse[], segmentBytes: number): RewritePlan | null {
  let run: FileUse[] = [];
  let bytes = 0;
  for (const use of uses) {
    if (!isSmall(use, segmentBytes) || bytes + use.liveBytes > segmentBytes) {
      run = [];
      bytes = 0;
    }
    if (!isSmall(use, segmentBytes)) continue;
    run.push(use);
    bytes += use.liveBytes;
    if (run.length >= smallFilesMax) return { why: 'small', ids: run.map(({ id }) => id) };
  }
  return null;
}
