import type { Standing } from '../../node/types.ts';

/** Reads an envelope's fields; any that is not of its kind spoils the whole, asked once at the end. */
export class Fields {
  readonly #values: readonly unknown[];
  ok = true;
  constructor(values: readonly unknown[]) {
    this.#values = values;
  }
  /** A whole number from 0 on. */
  count(at: number): number {
    const value = this.#values[at];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    this.ok = false;
    return 0;
  }
  /** The same, where older senders end before it. */
  countOr(at: number, absent: number): number {
    return at >= this.#values.length ? absent : this.count(at);
  }
  bytes(at: number): Uint8Array {
    const value = this.#values[at];
    if (value instanceof Uint8Array) return value;
    this.ok = false;
    return new Uint8Array(0);
  }
  /** Null also when it is not there: older members don't send it. */
  bytesOrNull(at: number): Uint8Array | null {
    const value = this.#values[at];
    return value === null || value === undefined ? null : this.bytes(at);
  }
  /** None also when they are not there: older members don't send them. */
  texts(at: number): readonly string[] {
    const value = this.#values[at];
    if (value === undefined) return [];
    if (Array.isArray(value) && value.every((one) => typeof one === 'string' && one.length <= 255))
      return value as string[];
    this.ok = false;
    return [];
  }
  countOrNull(at: number): number | null {
    return this.#values[at] === null ? null : this.count(at);
  }
  counts(at: number): readonly number[] {
    const value = this.#values[at];
    if (Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && (one as number) >= 0))
      return value as number[];
    this.ok = false;
    return [];
  }
  flag(at: number): boolean {
    const value = this.#values[at];
    if (typeof value !== 'boolean') this.ok = false;
    return value === true;
  }
  text(at: number): string {
    const value = this.#values[at];
    if (typeof value === 'string' && value.length <= 255) return value;
    this.ok = false;
    return '';
  }
  textOrNull(at: number): string | null {
    return this.#values[at] === null ? null : this.text(at);
  }
  standing(at: number): Standing {
    const value = this.text(at);
    if (value !== 'voter' && value !== 'abstaining') this.ok = false;
    return value === 'abstaining' ? 'abstaining' : 'voter';
  }
}
