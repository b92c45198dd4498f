import { shown } from './fault.ts';
import type { Access } from '../access.ts';
import type { Fault } from './fault.ts';

const WANTED = { SEND: 'write', SUBSCRIBE: 'read' } as const;

/** Why the frame may not use the destination, or null. */
export function forbidden(access: Access, command: keyof typeof WANTED, destination: string): Fault | null {
  const lacking = access.lacks(WANTED[command], destination);
  if (lacking === null) return null;
  const who = access.user === null ? 'a client without a login' : `user ${shown(access.user)}`;
  return {
    message: `${command} ${shown(destination)}: ${who} has no ${lacking} permission`,
    hint: 'The permissions of the configuration of this node say who may do what.',
  };
}
