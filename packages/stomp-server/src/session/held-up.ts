import type { Frame } from '../codec/index.ts';
import { shown } from './fault.ts';
import type { Fault } from './fault.ts';
import type { Unanswered } from './unanswered.ts';

/** The ERROR for a client whom the broker has left waiting: for the frame that waits to be taken, or else for the request that waits for its answer. */
export function heldUp(frame: Frame | null, oldest: Unanswered | undefined, waitMs: number, reason: string): Fault {
  const command = frame?.command ?? oldest?.command ?? 'The frame';
  const destination = frame === null ? (oldest?.destination ?? '') : (frame.header('destination') ?? '');
  const where = destination === '' ? '' : ` ${shown(destination)}`;
  const what = frame === null && oldest !== undefined ? 'no answer' : 'not taken';
  return { message: `${command}${where}: ${what} within ${waitMs} ms: ${reason}` };
}
