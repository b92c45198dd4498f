import { FrameWriter } from './frame-writer.ts';
import type { Command } from './command.ts';
import type { StompVersion } from './escaping.ts';
import type { FrameWriterOptions } from './frame-writer.ts';

export interface FrameToEncode extends FrameWriterOptions {
  readonly command: Command;
  /** Escaped as needed. `content-length` is the caller's to give: a body with a NUL needs it. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Stored header lines behind `headers`, already in the escaping of `version`. */
  readonly headerBlock?: Uint8Array;
  readonly body?: Uint8Array | undefined;
  readonly version: StompVersion;
}

/** One frame as one chunk: for clients, tools and tests. A server writes with a FrameWriter. */
export function encodeFrame(frame: FrameToEncode): Uint8Array {
  const writer = new FrameWriter(frame);
  writer.version = frame.version;
  writer.begin(frame.command);
  for (const [name, value] of frame.headers ?? []) writer.header(name, value);
  if (frame.headerBlock !== undefined) writer.headerBlock(frame.headerBlock);
  writer.end(frame.body);
  const chunks = writer.take();
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
