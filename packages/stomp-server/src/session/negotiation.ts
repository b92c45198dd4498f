import { shown } from './fault.ts';
import type { StompVersion } from '../codec/index.ts';
import type { Fault } from './fault.ts';

const VERSIONS: readonly StompVersion[] = ['1.2', '1.1', '1.0'];

/** STOMP 1.1 and 1.2, Protocol Negotiation: the highest that both speak; a CONNECT without the header is of 1.0. */
export function negotiateVersion(accepted: string | undefined): StompVersion | Fault {
  if (accepted === undefined) return '1.0';
  const theirs = accepted.split(',').map((version) => version.trim());
  const version = VERSIONS.find((ours) => theirs.includes(ours));
  if (version !== undefined) return version;
  return {
    message: `CONNECT: no common version: the client accepts ${shown(accepted)}`,
    hint: 'Supported protocol versions are 1.0, 1.1 and 1.2.',
    headers: [['version', '1.0,1.1,1.2']],
  };
}

/** Both in milliseconds, 0 for none. */
export interface HeartBeat {
  /** What CONNECTED promises the client, at the latest so often. The broker sends at half of it. */
  readonly sendMs: number;
  /** What the client has promised. It is dropped after twice as long a silence. */
  readonly receiveMs: number;
}

export const NO_HEART_BEAT: HeartBeat = { sendMs: 0, receiveMs: 0 };

const HEART_BEAT_MS_MIN = 100;

/** STOMP 1.2, Heart-beating. The broker mirrors the client's wish, at least 100 ms; 1.0 knows no heart-beats. */
export function negotiateHeartBeat(wish: string | undefined, version: StompVersion): HeartBeat | Fault {
  if (wish === undefined || version === '1.0') return NO_HEART_BEAT;
  const match = /^ *(\d{1,15}) *, *(\d{1,15}) *$/.exec(wish);
  if (match === null) {
    return {
      message: `CONNECT: bad heart-beat: ${shown(wish)}`,
      hint: 'heart-beat is two numbers of milliseconds, 0 for none: 10000,10000.',
    };
  }
  const [clientSends, clientWants] = [Number(match[1]), Number(match[2])];
  return {
    sendMs: clientWants === 0 ? 0 : Math.max(clientWants, HEART_BEAT_MS_MIN),
    receiveMs: clientSends === 0 ? 0 : Math.max(clientSends, HEART_BEAT_MS_MIN),
  };
}
