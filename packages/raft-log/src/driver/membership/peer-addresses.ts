import { formatAddress } from '@lockstep/kernel';
import type { Address } from '@lockstep/kernel';

/** The address that `formatAddress` has written; null when it is none. */
export function parsePeerAddress(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

export function sameAddress(one: Address, other: Address): boolean {
  return formatAddress(one) === formatAddress(other);
}
