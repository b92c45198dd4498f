import type { Address } from '@lockstep/kernel';

const LOOPBACK = '127.0.0.1';

/** `[HOST:]PORT`, brackets around an IPv6 host; `*` is every address; a port alone is on loopback. Undefined when it is no such thing. */
export function parseAddress(given: unknown): Address | undefined {
  if (typeof given === 'number') return parseAddress(String(given));
  if (typeof given !== 'string') return undefined;
  const match = /^(?:(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:[\]/@,]+)):)?(\d{1,5})$/.exec(given.trim());
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? LOOPBACK;
  const port = Number(match[3]);
  return port > 65_535 ? undefined : { host: host === '*' ? '0.0.0.0' : host, port };
}

/** Reached from this machine alone. A name other than `localhost` may point anywhere, so it is not. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
