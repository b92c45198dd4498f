import type { Complaint } from '@lockstep/raft-log/trials';

import type { ClusterMutation } from '../simulation/sim-cluster.ts';

/** One place in a compiled file, rewritten when the file is loaded. */
export interface SourceEdit {
  /** How the file's path ends. */
  readonly file: string;
  /** Must stand in it exactly once. */
  readonly from: string;
  readonly to: string;
}

/** A run from a seed of something smaller than a broker, in which that is frequent which a broker's seeds hardly ever come to. */
interface Trial {
  /** Of what: read behind "seed 3 of". */
  readonly of: string;
  readonly run: (seed: number) => Promise<Complaint | null>;
}

/** A deliberately broken node. The simulation must notice, else its silence means nothing. */
export interface Mutant {
  readonly name: string;
  readonly mutation?: () => ClusterMutation;
  /** Where it is looked for: the part that is broken, alone. Left out: a whole broker. */
  readonly trial?: Trial;
  /** For a bug that no subclass can make. */
  readonly edits?: readonly SourceEdit[];
}
