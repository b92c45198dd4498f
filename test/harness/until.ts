import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks again and again until the answer is neither null nor false. What is asked is another process, which cannot call back; the bound
 * only turns a hang into a failure with a name, no test passes or fails by how long it took.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | null | false> | T | null | false,
  boundMs = 60_000,
): Promise<T> {
  const started = performance.now();
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() - started > boundMs) throw new Error(`waited ${boundMs} ms in vain for: ${what}`);
    await pause(10);
  }
}
