const BYTE_UNITS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KB', 1000],
  ['MB', 1000 ** 2],
  ['GB', 1000 ** 3],
  ['TB', 1000 ** 4],
  ['KIB', 1024],
  ['MIB', 1024 ** 2],
  ['GIB', 1024 ** 3],
  ['TIB', 1024 ** 4],
]);

const TIME_UNITS: ReadonlyMap<string, number> = new Map([
  ['MS', 1],
  ['S', 1000],
  ['M', 60_000],
  ['H', 3_600_000],
  ['D', 86_400_000],
]);

/** A number alone, or a number and a unit, with or without a blank between them. Undefined when it is neither, or no whole safe number. */
function parseQuantity(given: unknown, units: ReadonlyMap<string, number>): number | undefined {
  if (typeof given === 'number') return Number.isSafeInteger(given) && given >= 0 ? given : undefined;
  if (typeof given !== 'string') return undefined;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(given);
  if (match === null) return undefined;
  const factor = match[2] === '' ? 1 : units.get((match[2] as string).toUpperCase());
  if (factor === undefined) return undefined;
  const value = Number(match[1]) * factor;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes: `65536`, `64KiB`, `1.5 GiB`, `10MB` (decimal). Undefined when it is no such thing. */
export function parseBytes(given: unknown): number | undefined {
  return parseQuantity(given, BYTE_UNITS);
}

/** Milliseconds: `500`, `500ms`, `1s`, `1.5m`, `2h`, `7d`. Undefined when it is no such thing. */
export function parseDuration(given: unknown): number | undefined {
  return parseQuantity(given, TIME_UNITS);
}
