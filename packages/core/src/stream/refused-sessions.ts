/**
 * Sessions of a node of which a message or a transaction was refused, each with the last such number: whatever of them has a higher number is
 * refused as well. In the order of these numbers. Forgotten when the node has known of that refusal for as long as nothing of the session can come.
 */
export type RefusedSessions = Map<number, number>;

/** Up to `through` of the session is refused; `through` is above all that were noted before. */
export function noteRefused(refused: RefusedSessions, session: number, through: number): void {
  refused.delete(session);
  refused.set(session, through);
}

/** `over`: of a message of the node, after which nothing comes of a session that was refused up to there. */
export function forgetRefused(refused: RefusedSessions, over: number): void {
  for (const [session, through] of refused) {
    if (through > over) return;
    refused.delete(session);
  }
}
