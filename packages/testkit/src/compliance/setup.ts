import type { Test } from 'tap';

/** Makes time pass until the work is done: `simulation.run` for simulated ports, a plain call for real ones. */
export type Runner = <T>(work: () => Promise<T>) => Promise<T>;

/** What a suite is given for each of its tests, fresh. */
export interface Setup<P> {
  readonly port: P;
  readonly run: Runner;
}

export type MakeSetup<S> = (t: Test) => S | Promise<S>;

/** Bytes that tell where they stand, and of which `kind` they are. */
export function pattern(length: number, kind = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 7 + kind * 101) & 0xff;
  return bytes;
}

/** The chunks' bytes, one behind the other. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Without printing megabytes when they differ. */
export function sameBytes(t: Test, found: Uint8Array, wanted: Uint8Array, message: string): void {
  if (found.length !== wanted.length) {
    t.fail(`${message}: ${found.length} bytes instead of ${wanted.length}`);
    return;
  }
  const at = found.findIndex((byte, index) => byte !== wanted[index]);
  t.equal(at, -1, `${message}: the first byte that differs`);
}
