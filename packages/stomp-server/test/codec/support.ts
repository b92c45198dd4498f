import { FrameParser, StompError } from '../../src/codec/index.ts';
import type { CodecLimits, Frame, StompVersion } from '../../src/codec/index.ts';

export const roomy: CodecLimits = {
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  bodyBytesMax: 1024 * 1024,
};

/** A frame in plain data, for comparing. */
export interface Seen {
  readonly command: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly counted: boolean;
}

export interface Outcome {
  readonly frames: readonly Seen[];
  readonly error: {
    code: string;
    message: string;
    header: string | undefined;
    receipt: string | undefined;
  } | null;
  readonly midFrame: boolean;
}

/** One octet a character, so that tests can write bytes down. */
export function octets(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

export function seen(frame: Frame): Seen {
  const body = Buffer.from(frame.body).toString('latin1');
  return {
    command: frame.command,
    headers: frame.headers(),
    body,
    counted: frame.hasContentLength,
  };
}

/** Feeds the chunks in turn, pulling all there is after each; the version counts from the first frame behind a connecting one. */
export function parse(chunks: Iterable<Uint8Array>, version: StompVersion, limits: CodecLimits = roomy): Outcome {
  const parser = new FrameParser(limits);
  parser.version = version;
  const frames: Seen[] = [];
  try {
    for (const chunk of chunks) {
      parser.feed(chunk);
      for (let frame = parser.next(); frame !== null; frame = parser.next()) frames.push(seen(frame));
    }
  } catch (error) {
    if (!(error instanceof StompError)) throw error;
    const { code, message, header, receipt } = error;
    return { frames, error: { code, message, header, receipt }, midFrame: parser.midFrame };
  }
  return { frames, error: null, midFrame: parser.midFrame };
}

/** The bytes cut at the given offsets, in any order and with repeats. */
export function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.slice(at[i], end));
}

export function bytewise(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (octet) => Uint8Array.of(octet));
}
