const firstCapacity = 1024;

/** Where records stand, a row for each, in the order in which they were found: 28 bytes a row. */
export class RecordTable {
  #indices = new Float64Array(firstCapacity);
  #terms = new Float64Array(firstCapacity);
  #files = new Uint32Array(firstCapacity);
  #offsets = new Uint32Array(firstCapacity);
  #lengths = new Uint32Array(firstCapacity);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(index: number, term: number, file: number, offset: number, length: number): void {
    const row = this.#count++;
    if (row === this.#indices.length) this.#grow();
    this.#indices[row] = index;
    this.#terms[row] = term;
    this.#files[row] = file;
    this.#offsets[row] = offset;
    this.#lengths[row] = length;
  }

  /** Takes back the rows from this one on. */
  truncate(count: number): void {
    this.#count = count;
  }

  index(row: number): number {
    return this.#indices[row]!;
  }

  term(row: number): number {
    return this.#terms[row]!;
  }

  file(row: number): number {
    return this.#files[row]!;
  }

  offset(row: number): number {
    return this.#offsets[row]!;
  }

  length(row: number): number {
    return this.#lengths[row]!;
  }

  #grow(): void {
    const capacity = this.#count * 2;
    const grown = <T extends Float64Array | Uint32Array>(into: T, from: T): T => {
      into.set(from);
      return into;
    };
    this.#indices = grown(new Float64Array(capacity), this.#indices);
    this.#terms = grown(new Float64Array(capacity), this.#terms);
    this.#files = grown(new Uint32Array(capacity), this.#files);
    this.#offsets = grown(new Uint32Array(capacity), this.#offsets);
    this.#lengths = grown(new Uint32Array(capacity), this.#lengths);
  }
}
