const slabBytes = 64 * 1024;

let slab = new Uint8Array(slabBytes);
let used = 0;

/** So many zeros. Small pieces lie side by side in one piece of memory: each on its own costs the host more than what is done with it. */
export function takeMemory(bytes: number): Uint8Array {
  if (bytes > slabBytes / 8) return new Uint8Array(bytes);
  if (used + bytes > slabBytes) {
    slab = new Uint8Array(slabBytes);
    used = 0;
  }
  const memory = new Uint8Array(slab.buffer, used, bytes);
  used += bytes;
  return memory;
}
