/** Positions, the smallest first. */
export class PositionHeap {
  readonly #items: number[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The heap is not empty. */
  get smallest(): number {
    return this.#items[0]!;
  }

  push(position: number): void {
    const items = this.#items;
    let at = items.length;
    items.push(position);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (items[parent]! <= position) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = position;
  }

  /** Removes the smallest. The heap is not empty. */
  pop(): void {
    const items = this.#items;
    const last = items.pop()!;
    const { length } = items;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
  }
}
