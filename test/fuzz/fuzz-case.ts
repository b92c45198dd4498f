import { SimRandom } from '@lockstep/testkit';
import { Grammar } from './grammar.ts';
import type { FrameSource, FuzzCase, FuzzServer } from './fuzz-server.ts';

/** The frames of the client that a seed stands for; `noted` gets them. */
export function sourceOf(seed: FuzzCase['seed'], noted: Uint8Array[]): FrameSource {
  const random = new SimRandom(`client ${seed}`);
  const kind = random.fraction();
  // A third keeps to the rules, a third breaks them in single frames, a third is damaged on its way.
  const faults = kind < 1 / 3 ? 0 : kind < 2 / 3 ? 0.003 : 0.0005;
  const damage = kind < 2 / 3 ? 0 : 0.02;
  const grammar = new Grammar(random, { faults, damage });
  const length = 2 + random.below(150);
  return (delivered) => {
    if (noted.length >= length) return null;
    const frame = grammar.next(delivered);
    noted.push(frame);
    return frame;
  };
}

/** The same frames again. */
export function replayed(frames: readonly Uint8Array[]): FrameSource {
  let at = 0;
  return () => frames[at++] ?? null;
}

/** What is wrong with it, or null. */
export function faultOf(server: FuzzServer, { seed, frames }: FuzzCase): string | null {
  try {
    server.run(seed, replayed(frames));
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** A smaller case that still fails: without frames, then without octets, that the failure does not need. Each trial has a new server. */
export function minimise(fuzzCase: FuzzCase, newServer: () => FuzzServer): FuzzCase {
  const { seed } = fuzzCase;
  const fails = (frames: readonly Uint8Array[]): boolean => faultOf(newServer(), { seed, frames }) !== null;
  let frames = withoutParts(fuzzCase.frames, fails);
  for (let i = 0; i < frames.length; i++) {
    const octets = Array.from(frames[i]!);
    const kept = withoutParts(octets, (fewer) => fails(frames.with(i, Uint8Array.from(fewer))));
    frames = frames.with(i, Uint8Array.from(kept));
  }
  return { seed, frames };
}

/** Drops halves, quarters and so on of the list, for as long as `fails` says that the rest is enough. */
function withoutParts<T>(list: readonly T[], fails: (fewer: readonly T[]) => boolean): readonly T[] {
  let kept = list;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length;) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (fails(fewer)) kept = fewer;
      else at += size;
    }
  }
  return kept;
}
