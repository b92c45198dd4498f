import { isIPv4, isIPv6 } from 'node:net';

import type { Address } from '@lockstep/kernel';

/**
 * The start of a connection by the PROXY protocol, version 1 or 2: where the client behind the proxy is. `source` is null where the proxy speaks
 * for itself (health checks) or does not know.
 */
export type ProxyHeader =
  | { readonly state: 'whole'; readonly source: Address | null; readonly length: number }
  | { readonly state: 'partial' }
  | { readonly state: 'bad'; readonly why: string };

const SIGNATURE_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_2 = 16;
/** Addresses and what a proxy adds to them (names, certificates' subjects); they mean nothing here. */
const LENGTH_2_MAX = 4096;
const SIGNATURE_1 = Buffer.from('PROXY ', 'latin1');
/** The specification's bound on the line, its CR LF included. */
const LINE_1_MAX = 107;

const FROM_TCP4 = 0x11;
const FROM_TCP6 = 0x21;

const partial: ProxyHeader = { state: 'partial' };

/** Reads the header at the beginning of `bytes`. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAs(bytes, SIGNATURE_2)) return readBinary(bytes);
  if (startsAs(bytes, SIGNATURE_1)) return readLine(bytes);
  return { state: 'bad', why: 'it does not begin with a header of the PROXY protocol' };
}

/** As far as the bytes go. */
function startsAs(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.subarray(0, length).equals(signature.subarray(0, length));
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < FIXED_2) return partial;
  const [versionAndCommand, family, length] = [bytes[12]!, bytes[13]!, bytes.readUInt16BE(14)];
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21)
    return { state: 'bad', why: 'its PROXY header is of no known version' };
  if (length > LENGTH_2_MAX) return { state: 'bad', why: `its PROXY header is longer than ${LENGTH_2_MAX} bytes` };
  const end = FIXED_2 + length;
  if (bytes.length < end) return partial;
  const isProxied = versionAndCommand === 0x21;
  if (isProxied && family === FROM_TCP4 && length >= 12) {
    return {
      state: 'whole',
      source: { host: [...bytes.subarray(16, 20)].join('.'), port: bytes.readUInt16BE(24) },
      length: end,
    };
  }
  if (isProxied && family === FROM_TCP6 && length >= 36) {
    return {
      state: 'whole',
      source: { host: showIPv6(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48) },
      length: end,
    };
  }
  return { state: 'whole', source: null, length: end };
}

/** The longest run of zeros is left out (RFC 5952, §4.2). */
function showIPv6(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16)).join(':');
  const runs = groups.match(/\b0(?::0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  return longest === '' ? groups : groups.replace(longest, '::').replace(/:{3,}/, '::');
}

function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LINE_1_MAX).indexOf('\r\n');
  if (end === -1) return bytes.length < LINE_1_MAX ? partial : { state: 'bad', why: 'its PROXY header has no end' };
  const length = end + 2;
  const [family, host, , port] = bytes.toString('latin1', SIGNATURE_1.length, end).split(' ');
  if (family === 'UNKNOWN') return { state: 'whole', source: null, length };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : () => false;
  const source = { host: host ?? '', port: Number(port) };
  if (!isAddress(source.host) || !/^\d{1,5}$/.test(port ?? '') || source.port > 65_535) {
    return { state: 'bad', why: 'its PROXY header holds no address' };
  }
  return { state: 'whole', source, length };
}
