/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** Where it was said: `lockstep.yaml:12:5`, `--members`, `LOCKSTEP_ADMIN`; empty where nothing was said. */
  readonly where: string;
  /** The key, as `cluster.members.a`. */
  readonly key: string;
  /** What was given, as the reader wrote it; null when nothing was. */
  readonly given: string | null;
  /** What is allowed, or what to do about it. */
  readonly allowed: string;
}

/** The configuration can't be used. The message has a line for each problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.problems = problems;
  }
}

function describeProblem({ where, key, given, allowed }: ConfigProblem): string {
  const place = where === '' ? '' : `${where}: `;
  const name = key === '' ? '' : `${key}: `;
  return `${place}${name}${given === null ? '' : `${given}: `}${allowed}`;
}

/** A value from outside as it is shown in a message: short, and on one line. */
export function showGiven(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** The name among `known` that was probably meant by `given`: at most two letters off. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const name of known) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min((previous[j] as number) + 1, (current[j - 1] as number) + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length] as number;
}
