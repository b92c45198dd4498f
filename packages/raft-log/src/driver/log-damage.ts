import type { Log, NodeId } from '@lockstep/kernel';
import { LogOnce } from './peers/log-once.ts';
import type { CorruptionError } from './storage-types.ts';

/** An entry that is needed, and that nothing else on this disk stands for, can't be read any more. The next start does what is to be done about it. */
export class LogDamageError extends Error {
  override readonly name = 'LogDamageError';
  readonly advice: string;

  /** `alone`: no other member has what is gone. */
  constructor({ file, offset, detail }: CorruptionError, alone: boolean) {
    const why = `${file} is damaged at byte ${offset}: ${detail}`;
    super(
      alone
        ? `${why}. No other member has what stood there`
        : `${why}. Started again, this node gets what stood there from the other members, and has no vote until then`,
    );
    this.advice = alone
      ? '"lockstep verify" says what is lost, and "lockstep repair" saves the rest: the node does not start before'
      : 'start the node again: it comes back by itself';
  }
}

/** Tells of damage that a running node met in its log below the snapshot, each once. */
export class LogDamageStory {
  readonly #once: LogOnce;

  constructor(log: Log) {
    this.#once = new LogOnce(log);
  }

  /** That peer asked for the entry. */
  passed({ file, offset, detail }: CorruptionError, index: number, peer: NodeId): void {
    const why = `${file} is damaged at byte ${offset} (entry ${index} of the log): ${detail}`;
    this.#once.warn(why, `${why}; node ${peer}, which asked for it, is sent the snapshot in its place`);
  }
}
