/**
 * What the master has proposed and is not yet both applied and on its own disk, oldest first: it stays bounded. (A majority can commit without the
 * master's disk, which may hang while memory fills.)
 */
export class UnderWay {
  #proposed: { readonly position: number; readonly bytes: number }[] = [];
  #head = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** `position`: of the last of the commands. */
  add(position: number, bytes: number): void {
    this.#proposed.push({ position, bytes });
    this.#bytes += bytes;
  }

  settle(upTo: number): void {
    for (let oldest = this.#proposed[this.#head]; oldest !== undefined; oldest = this.#proposed[this.#head]) {
      if (oldest.position > upTo) break;
      this.#bytes -= oldest.bytes;
      this.#head++;
    }
    if (this.#head > 4096) {
      this.#proposed = this.#proposed.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#proposed = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
