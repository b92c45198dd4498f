import { negotiateHeartBeat, negotiateVersion } from './negotiation.ts';
import type { Claim } from '../access.ts';
import type { Frame, StompVersion } from '../codec/index.ts';
import type { Fault } from './fault.ts';
import type { HeartBeat } from './negotiation.ts';

/** What CONNECT settles. */
export interface ConnectWish {
  readonly version: StompVersion;
  readonly heartBeat: HeartBeat;
  readonly claim: Claim;
}

/** STOMP 1.2, CONNECT or STOMP Frame: the first frame of a connection. */
export function readConnect(frame: Frame): ConnectWish | Fault {
  const { command } = frame;
  if (command !== 'CONNECT' && command !== 'STOMP') {
    return { message: `${command}: not connected`, hint: 'The first frame must be CONNECT or STOMP.' };
  }
  const version = negotiateVersion(frame.header('accept-version'));
  if (typeof version !== 'string') return version;
  const heartBeat = negotiateHeartBeat(frame.header('heart-beat'), version);
  if ('message' in heartBeat) return heartBeat;
  const claim: Claim = {
    login: frame.header('login'),
    passcode: frame.header('passcode'),
    host: frame.header('host'),
  };
  return { version, heartBeat, claim };
}
