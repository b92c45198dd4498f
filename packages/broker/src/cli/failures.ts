import { AssertionError, DiskError, formatAddress, NetworkError } from '@lockstep/kernel';

import { LogDamageError } from '@lockstep/raft-log';

import type { NodeSettings } from '../config/load-config.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What to do about an error that ended a running node. */
export function adviceFor(error: unknown): string {
  if (error instanceof DiskError) {
    if (NO_ROOM.has(error.code)) {
      return 'make room for the data directory (disk, quota, limits of the process), then start the node again';
    }
    return 'check the disk (the kernel log may say more), then start the node again; a write that failed is never tried twice';
  }
  if (error instanceof LogDamageError) return error.advice;
  if (error instanceof AssertionError)
    return 'this is a bug in Lockstep: please report it with this log; then start the node again';
  return 'start the node again; if it happens again, please report it with this log';
}

const FLAGS = { stomp: '--stomp', ws: '--ws', stomps: 'listeners: stomps', wss: 'listeners: wss' } as const;

/** Which flag opens the port that is named in the error. */
function flagFor(message: string, settings: NodeSettings): string | null {
  const listener = settings.listeners.find(({ listen }) => message.includes(formatAddress(listen)));
  if (listener !== undefined) return FLAGS[listener.kind];
  if (settings.cluster.listen !== null && message.includes(formatAddress(settings.cluster.listen)))
    return '--peer-listen';
  if (settings.admin !== null && message.includes(formatAddress(settings.admin))) return '--admin';
  return null;
}

/** Why the node did not start, for the person who tried. */
export function startFailure(error: unknown, settings: NodeSettings): CommandError {
  if (error instanceof CommandError) return error;
  const { message } = error as Error;
  if (error instanceof NetworkError) {
    const flag = flagFor(message, settings);
    const address = /listen (\S+):/.exec(message)?.[1] ?? message;
    if (error.code === 'in-use' && flag !== null) {
      const hint = `${flag} (or the configuration) names another port, and port 0 takes a free one`;
      return new CommandError(
        exitCodes.failed,
        `${flag} ${address}: the port is in use by another program: ${hint}`,
        error,
      );
    }
    if (flag !== null && message.includes('EADDRNOTAVAIL')) {
      const hint = 'this machine has no such address; 0.0.0.0 listens at all that it has';
      return new CommandError(exitCodes.failed, `${flag} ${address}: ${hint}`, error);
    }
    if (error.code === 'denied' && flag !== null) {
      const hint = 'ports below 1024 need special rights; choose a higher one';
      return new CommandError(exitCodes.failed, `${flag} ${address}: this user may not open the port: ${hint}`, error);
    }
  }
  return new CommandError(exitCodes.failed, `the node did not start: ${message}`, error);
}
