/** A hash of bytes in chunks, wherever they are cut: two FNV-1a of 32 bits with different beginnings, as 16 hexadecimal digits. */
export function digestOf(chunks: Iterable<Uint8Array>): string {
  let first = 0x811c9dc5;
  let second = 0x9e3779b9;
  for (const chunk of chunks) {
    for (const byte of chunk) {
      first = Math.imul(first ^ byte, 0x01000193);
      second = Math.imul(second ^ (byte + 1), 0x01000193) ^ (second >>> 15);
    }
  }
  return hex(first) + hex(second);
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
