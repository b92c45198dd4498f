import { shown, unsupported } from './fault.ts';
import type { NackAction } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';

/** What a NACK asks for: `action`, else RabbitMQ's `requeue:false`, else back to the queue. */
export function readNackAction(frame: Frame): NackAction | Fault {
  const action = frame.header('action');
  switch (action) {
    case undefined:
      return frame.header('requeue') === 'false' ? 'dead-letter' : 'requeue';
    case 'requeue':
    case 'dead-letter':
    case 'discard':
      return action;
    case 'delay':
      return unsupported('NACK', 'action delay', 'action is requeue, dead-letter or discard.');
    default:
      return {
        message: `NACK: unknown action ${shown(action)}`,
        hint: 'action is requeue, dead-letter or discard.',
      };
  }
}
