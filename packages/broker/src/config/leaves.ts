import { z } from 'zod';

import type { Address } from '@lockstep/kernel';

import { parseAddress } from './addresses.ts';
import { parseBytes, parseDuration } from './quantities.ts';

/**
 * A key whose value is read by `parse`, which answers undefined for what is not allowed. `input` is what JSON Schema sees.
 * Every refusal bears the same message (`allowed`, behind "must be"), so that the reader learns what to write;
 * the documentation shows it too.
 */
export function leaf<T>(
  input: z.ZodType,
  allowed: string,
  description: string,
  parse: (given: unknown) => T | undefined,
): z.ZodType<T> {
  return input
    .transform((given, context): T => {
      const value = parse(given);
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: `must be ${allowed}` });
      return z.NEVER;
    })
    .meta({ description, allowed });
}

export function text(allowed: string): z.ZodType {
  return z.string({ error: `must be ${allowed}` });
}

export function textOrNumber(allowed: string): z.ZodType {
  return z.union([z.string(), z.number()], { error: `must be ${allowed}` });
}

export const idPattern: RegExp = /^[A-Za-z0-9._-]{1,64}$/;
export const idAllowed = "1 to 64 of the characters A-Z a-z 0-9 '.' '_' '-'";

export function id(description: string): z.ZodType<string> {
  return leaf(textOrNumber(idAllowed), idAllowed, description, (given) => {
    const name = String(given);
    return idPattern.test(name) ? name : undefined;
  });
}

export function path(description: string): z.ZodType<string> {
  const allowed = 'a path; one that is not absolute starts from the directory of this file';
  return leaf(text(allowed), allowed, description, (given) => (given === '' ? undefined : String(given)));
}

/** Any text that is not empty. */
export function word(allowed: string): z.ZodType<string> {
  return leaf(textOrNumber(allowed), allowed, '', (given) => (given === '' ? undefined : String(given)));
}

export const addressAllowed = '[HOST:]PORT, as 61613, 127.0.0.1:61613 or [::1]:61613; port 0 takes a free one';

export function address(description: string): z.ZodType<Address> {
  return leaf(textOrNumber(addressAllowed), addressAllowed, description, parseAddress);
}

export function reachableAddress(description: string): z.ZodType<Address> {
  const allowed = 'HOST:PORT, as 127.0.0.1:61619; the port from 1 to 65535';
  return leaf(text(allowed), allowed, description, (given) => {
    const parsed = String(given).includes(':') ? parseAddress(given) : undefined;
    return parsed === undefined || parsed.port === 0 ? undefined : parsed;
  });
}

export function bytes(least: string, description: string): z.ZodType<number> {
  const allowed = `a size of at least ${least}, as 64MiB or a number of bytes`;
  const leastBytes = parseBytes(least) as number;
  return leaf(textOrNumber(allowed), allowed, description, (given) => {
    const size = parseBytes(given);
    return size === undefined || size < leastBytes ? undefined : size;
  });
}

export function duration(least: string, description: string): z.ZodType<number> {
  const allowed = `a time of at least ${least}, as 500ms, 1s or a number of milliseconds`;
  const leastMs = parseDuration(least) as number;
  return leaf(textOrNumber(allowed), allowed, description, (given) => {
    const ms = parseDuration(given);
    return ms === undefined || ms < leastMs ? undefined : ms;
  });
}

export function count(description: string): z.ZodType<number> {
  const allowed = 'a whole number of at least 1';
  return leaf(textOrNumber(allowed), allowed, description, (given) => {
    const value = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given;
    return Number.isSafeInteger(value) && (value as number) >= 1 ? (value as number) : undefined;
  });
}

export function flag(description: string): z.ZodType<boolean> {
  const allowed = 'true or false';
  const input = z.union([z.boolean(), z.enum(['true', 'false'])], { error: `must be ${allowed}` });
  return leaf(input, allowed, description, (given) => given === true || given === 'true');
}

export function oneOf<const T extends string>(names: readonly T[], description: string): z.ZodType<T> {
  const allowed = `one of ${names.join(', ')}`;
  return leaf(z.enum(names, { error: `must be ${allowed}` }), allowed, description, (given) => given as T);
}
