import type { Address } from '@lockstep/kernel';

/** `create` is asked for beside the other where a queue is not there yet. */
export type Permission = 'read' | 'write' | 'create';

/** What a CONNECT says of its sender. Undefined: it does not say. */
export interface Claim {
  readonly login: string | undefined;
  readonly passcode: string | undefined;
  readonly host: string | undefined;
}

/** The other end of the connection that a claim came by. */
export interface Claimant {
  readonly remote: Address;
  /** See `Connection.certifiedNames`; undefined without TLS. */
  readonly certifiedNames: readonly string[] | undefined;
}

/** What somebody who has been let in may do. It may change while he is there (`generation`). */
export interface Access {
  /** Who he is; null: nobody in particular. */
  readonly user: string | null;
  /** Another number whenever one of the answers below may have changed. */
  readonly generation: number;
  /** Why he may stay no longer, in words for him; null: he may. */
  readonly revoked: string | null;
  /** What he lacks for reading from or writing to a canonical destination (which may hold wildcards); null: nothing. */
  lacks(wanted: 'read' | 'write', destination: string): Permission | null;
}

/**
 * `refused`: an ERROR with these words, and the end. `overloaded`: it passes, so there is no ERROR, on which clients strike a server off:
 * the connection is closed.
 */
export type Admission =
  | { readonly verdict: 'admitted'; readonly access: Access }
  | { readonly verdict: 'refused'; readonly message: string; readonly hint?: string }
  | { readonly verdict: 'overloaded'; readonly message: string };

/** Decides who is let in. */
export interface AccessControl {
  /**
   * `answer` is called once, before this returns or later. The function that is returned takes the question back: then it is not called
   * any more.
   */
  admit(claim: Claim, from: Claimant, answer: (admission: Admission) => void): () => void;
}

/** May do everything, and is nobody. */
export const fullAccess: Access = { user: null, generation: 0, revoked: null, lacks: () => null };

/** Lets everybody in, to do everything. */
export const openAccess: AccessControl = {
  admit(_claim, _from, answer) {
    answer({ verdict: 'admitted', access: fullAccess });
    return () => {};
  },
};
