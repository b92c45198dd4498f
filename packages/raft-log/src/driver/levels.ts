/**
 * What members of one cluster may use with one another. A level, once in use, stays: entries of its kind are in the log.
 *
 * 1: the first version. 2: the configuration is in the log (members come and go, learners, witnesses), and live records
 * travel by themselves. The number in use stands in the configuration entry; while there is none it is 1.
 */
export interface LevelRange {
  readonly min: number;
  readonly max: number;
}

/** Where configurations are entries of the log. */
export const configurationLevel = 2;

/** Where live records travel by themselves. */
export const recordsLevel = 2;

/** What this program speaks. */
export const ownLevels: LevelRange = { min: 1, max: 2 };

/** This program's, as one that goes only up to `cap` would say; null: no cap. */
export function cappedLevels(cap: number | null): LevelRange {
  return cap === null ? ownLevels : { min: Math.min(ownLevels.min, cap), max: Math.min(ownLevels.max, cap) };
}

/** Why a member that speaks `theirs` can't be in a cluster that uses `level`, seen from one that speaks `ours`. Null: it can. */
export function levelRefusal(theirs: LevelRange, ours: LevelRange, level: number): string | null {
  if (theirs.max < level) {
    return `it speaks no level above ${theirs.max}, and level ${level} is in use: it needs a newer program`;
  }
  if (theirs.min > ours.max) {
    return `it speaks no level below ${theirs.min}, and this node none above ${ours.max}: this node needs a newer program`;
  }
  if (theirs.max < ours.min) {
    return `it speaks no level above ${theirs.max}, and this node none below ${ours.min}: it needs a newer program`;
  }
  return null;
}

/** Why a node whose program speaks `theirs` can't take part while `level` is in use, for whoever added it. Null: it can. */
export function levelObstacle(theirs: LevelRange | null, level: number): string | null {
  if (theirs === null || theirs.max >= level) return null;
  return `its program speaks no level above ${theirs.max}, and level ${level} is in use: it must be upgraded`;
}
