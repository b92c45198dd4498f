import { NetworkError } from '@lockstep/kernel';
import type { NetworkErrorCode } from '@lockstep/kernel';

const CODES: ReadonlyMap<string, NetworkErrorCode> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['ECONNABORTED', 'reset'],
  ['EPIPE', 'reset'],
  ['ENOTCONN', 'reset'],
  ['ETIMEDOUT', 'timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['EAI_AGAIN', 'unreachable'],
  ['EADDRINUSE', 'in-use'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
]);

/** The system's error as the port's, keeping it as the cause. */
export function toNetworkError(error: Error, what: string): NetworkError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new NetworkError(CODES.get(code) ?? 'other', `${what}: ${error.message || code}`, error);
}
