/** A new master's mark in the log. */
export interface Opening {
  readonly position: number;
  /** The master's clock: when this mastership began. */
  readonly wallMs: number;
}
