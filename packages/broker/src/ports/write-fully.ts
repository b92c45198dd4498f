/** IOV_MAX on Linux: `writev` refuses a longer vector. */
export const CHUNKS_PER_WRITE = 1024;

/** Writes at least one byte, perhaps not all, and says how many. */
export type WriteSome = (chunks: readonly Uint8Array[], position: number) => Promise<number>;

/** The chunks left to write when that many bytes of them have been. */
function withoutFirst(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = written;
  for (const chunk of chunks) {
    if (skip >= chunk.length) {
      skip -= chunk.length;
    } else {
      left.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return left;
}

/**
 * Writes all chunks, one behind the other from `position` on, in vectors that the system takes. A short write is no
 * failure: the rest is tried again, and that says what is wrong if something is.
 */
export async function writeFully(write: WriteSome, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let at = position;
  for (let first = 0; first < chunks.length; first += CHUNKS_PER_WRITE) {
    let left = chunks.length <= CHUNKS_PER_WRITE ? chunks : chunks.slice(first, first + CHUNKS_PER_WRITE);
    let leftBytes = 0;
    for (const chunk of left) leftBytes += chunk.length;
    while (leftBytes > 0) {
      const written = await write(left, at);
      if (written === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' });
      at += written;
      leftBytes -= written;
      if (leftBytes > 0) left = withoutFirst(left, written);
    }
  }
}
