import type { ClusterMutation } from '../simulation/sim-cluster.ts';

/** One place in a compiled file, rewritten when the file is loaded. */
export interface SourceEdit {
  /** How the file's path ends. */
  readonly file: string;
  /** Must stand in it exactly once. */
  readonly from: string;
  readonly to: string;
}

/** A deliberately broken node. The simulation must notice, else its silence means nothing. */
export interface Mutant {
  readonly name: string;
  readonly mutation?: () => ClusterMutation;
  /** For a bug that no subclass can make. */
  readonly edits?: readonly SourceEdit[];
}
