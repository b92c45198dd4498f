/**
 * A password as the configuration keeps it: `scrypt$ln=14,r=8,p=1$SALT$HASH`, salt and hash in base64 without padding; scrypt's cost is 2^ln
 * (RFC 7914).
 */
export interface PasswordHash {
  readonly logCost: number;
  readonly blockSize: number;
  readonly parallel: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** What a new hash is made with: 16 MiB and some 50 ms of one processor for each guess. */
export const PASSWORD_COST = { logCost: 14, blockSize: 8, parallel: 1 } as const;
export const SALT_BYTES = 16;
export const HASH_BYTES = 32;

/** A hash that asks for more would let whoever logs in take the node's memory or time. */
const MEMORY_BYTES_MAX = 128 * 1024 * 1024;
const PARALLEL_MAX = 16;

const FORM = /^scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Undefined when it is no such thing. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [logCost, blockSize, parallel] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (logCost < 10 || blockSize < 1 || parallel < 1 || parallel > PARALLEL_MAX) return undefined;
  if (128 * 2 ** logCost * blockSize > MEMORY_BYTES_MAX) return undefined;
  return {
    logCost,
    blockSize,
    parallel,
    salt: Buffer.from(match[4]!, 'base64'),
    hash: Buffer.from(match[5]!, 'base64'),
  };
}

export function formatPasswordHash({ logCost, blockSize, parallel, salt, hash }: PasswordHash): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
  return `scrypt$ln=${logCost},r=${blockSize},p=${parallel}$${text(salt)}$${text(hash)}`;
}
