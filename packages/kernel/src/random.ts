/** Chance. The simulated one repeats itself for the same seed. */
export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
  /** Unpredictable where the real port stands behind it: fit for ids and challenges. */
  bytes(length: number): Uint8Array;
}
