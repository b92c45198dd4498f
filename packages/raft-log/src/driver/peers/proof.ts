import { createHmac, timingSafeEqual } from 'node:crypto';

/** Who makes the proof. It is part of what is signed, so that one side's proof can't be played back as the other's. */
export type ProofRole = 'dialler' | 'acceptor';

/**
 * HMAC-SHA256 over the role and both hellos as they went over the wire (nonces, ids and kind are in them), so that a proof is
 * good for this one connection. Empty without a secret.
 */
export function makeProof(
  secret: Uint8Array | null,
  role: ProofRole,
  hello: Uint8Array,
  answer: Uint8Array,
): Uint8Array {
  if (secret === null) return new Uint8Array(0);
  const lengths = new Uint8Array(8);
  const view = new DataView(lengths.buffer);
  view.setUint32(0, hello.length);
  view.setUint32(4, answer.length);
  const digest = createHmac('sha256', secret)
    .update(`lockstep-peer ${role}\n`)
    .update(lengths)
    .update(hello)
    .update(answer)
    .digest();
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength);
}

/** Takes the same time wherever two proofs of the right length differ. */
export function proofMatches(expected: Uint8Array, given: Uint8Array): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}
