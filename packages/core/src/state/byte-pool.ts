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

  /** `liveBytes`: what the queue holds. A queue that is all but empty gets no block to keep. */
  copy(source: Uint8Array, start: number, end: number, liveBytes: number): void {
    const length = end - start;
    if (length > blockBytesMax / 4) {
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
