/**
 * A pattern of destinations: `/queue/orders.>`, `/topic/*.prices`, or `>` for all of them. `*` stands for one level, `>` for the rest, which may be
 * nothing (`orders.>` is `orders` too, as ActiveMQ has it).
 */
export class DestinationPattern {
  /** `/queue/`; empty: of every kind. */
  readonly #kind: string;
  readonly #levels: readonly string[];

  private constructor(kind: string, levels: readonly string[]) {
    this.#kind = kind;
    this.#levels = levels;
  }

  /** Undefined when it is none. */
  static parse(text: string): DestinationPattern | undefined {
    if (text === '>') return new DestinationPattern('', ['>']);
    const split = splitKind(text);
    if (split === null || split.levels.some((level) => level === '')) return undefined;
    const end = split.levels.indexOf('>');
    if (end !== -1 && end !== split.levels.length - 1) return undefined;
    return new DestinationPattern(split.kind, split.levels);
  }

  /** Every destination that the other one means is one of these; it is a name, or has wildcards itself. */
  covers(destination: string): boolean {
    const other = splitKind(destination);
    if (other === null || !this.#isOf(other.kind)) return false;
    for (const [i, level] of this.#levels.entries()) {
      if (level === '>') return true;
      const theirs = other.levels[i];
      if (theirs === undefined || theirs === '>') return false;
      if (level !== '*' && level !== theirs) return false;
    }
    return other.levels.length === this.#levels.length;
  }

  /** There may be a destination that both mean. */
  overlaps(destination: string): boolean {
    const other = splitKind(destination);
    if (other === null || !this.#isOf(other.kind)) return false;
    const length = Math.max(this.#levels.length, other.levels.length);
    for (let i = 0; i < length; i += 1) {
      const [ours, theirs] = [this.#levels[i], other.levels[i]];
      if (ours === '>' || theirs === '>') return true;
      if (ours === undefined || theirs === undefined) return false;
      if (ours !== '*' && theirs !== '*' && ours !== theirs) return false;
    }
    return true;
  }

  #isOf(kind: string): boolean {
    return this.#kind === '' || this.#kind === kind;
  }
}

function splitKind(destination: string): { readonly kind: string; readonly levels: readonly string[] } | null {
  const match = /^(\/[a-z-]+\/)(.+)$/s.exec(destination);
  return match === null ? null : { kind: match[1]!, levels: match[2]!.split('.') };
}

/** It names more than one destination. */
export function hasWildcard(destination: string): boolean {
  return destination.split(/[./]/).some((level) => level === '*' || level === '>');
}
