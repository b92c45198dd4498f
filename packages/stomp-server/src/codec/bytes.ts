// The octets that shape a frame (STOMP 1.2, Augmented BNF).
export const NUL = 0x00;
export const LF = 0x0a;
export const CR = 0x0d;
export const BLANK = 0x20;
export const COLON = 0x3a;
export const BACKSLASH = 0x5c;

export const EMPTY: Buffer = Buffer.alloc(0);

/** The same memory as a Buffer, whose native searching and decoding the codec uses. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether `text`, which is ASCII, stands at `start`. The caller has checked that it can. */
export function matchesAscii(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** UTF-8; bytes that are not come out as U+FFFD. */
export function decodeRange(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end);
}

/** Below this, a loop beats the call into native code (bench/codec.ts, "as a session reads it"). */
const LOOPED_COPY_MAX = 64;

/** Copies `[from, to)` to `target` at `at`; returns the offset behind it. */
export function copyRange(bytes: Buffer, from: number, to: number, target: Buffer, at: number): number {
  if (to - from > LOOPED_COPY_MAX) return at + bytes.copy(target, at, from, to);
  let end = at;
  for (let i = from; i < to; i++) target[end++] = bytes[i]!;
  return end;
}
