const blockBytesMax = 16_384;

/**
 * Gives small messages a place in a shared buffer, since a buffer each would cost more than most bodies. One pool for each queue:
 * what lies together is consumed together, so a message that stays does not keep other queues' dead bytes in memory.
 */
export class BytePool {
  #block: Uint8Array = new Uint8Array(0);
  #used = 0;
  /** Set by `copy`: where the copy is. */
  block: Uint8Array = this.#block;
  from = 0;

  /**
   * `liveBytes`: what the queue holds; one that is all but empty gets no block to keep. `source` must never change: a part that is
   * large, and most of it, is kept where it is.
   */
  copy(source: Uint8Array, start: number, end: number, liveBytes: number): void {
    const length = end - start;
    if (length > blockBytesMax / 4) {
      if (length * 2 >= source.buffer.byteLength) {
        // It is most of what its memory holds: copying it would save nothing, and cost a page fault for every 4 KiB (bench `large`).
        this.block = source;
        this.from = start;
        return;
      }
      this.block = source.slice(start, end);
      this.from = 0;
      return;
    }
    if (length > this.#block.length - this.#used) {
      this.#block = new Uint8Array(Math.max(length, Math.min(blockBytesMax, liveBytes)));
      this.#used = 0;
    }
    this.block = this.#block;
    this.from = this.#used;
    this.#block.set(source.subarray(start, end), this.#used);
    this.#used += length;
  }
}
