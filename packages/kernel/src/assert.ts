/** An invariant of the program did not hold: the state can no longer be trusted, so the process ends. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Stays on in production. Use it for what can only be false through a bug, never for bad input from outside.
 * @throws AssertionError when `condition` is false.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
