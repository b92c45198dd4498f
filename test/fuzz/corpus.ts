import type { FuzzCase } from './fuzz-server.ts';

/** A case as a file of the corpus holds it: the seed, then a frame a line, a JSON string with a character an octet. */
export function printCase({ seed, frames }: FuzzCase): string {
  const lines = frames.map((frame) => JSON.stringify(Buffer.from(frame).toString('latin1')));
  return [`seed ${seed}`, ...lines, ''].join('\n');
}

export function parseCase(text: string): FuzzCase {
  const [first = '', ...lines] = text.trimEnd().split('\n');
  const frames = lines.map((line) => Buffer.from(JSON.parse(line) as string, 'latin1'));
  return { seed: first.slice('seed '.length), frames };
}
