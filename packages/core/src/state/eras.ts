/**
 * What all lists of one state compare their chunks with, so that nothing has to be walked through when a snapshot or a mastership begins.
 */
export interface Eras {
  /** Grows with each snapshot: chunks of an earlier era belong to it as well, and are copied before they change. */
  snapshot: number;
  /** Grows with each mastership: what the dispatcher noted in an earlier one counts no more. */
  mastership: number;
}
