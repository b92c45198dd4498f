import { pino } from 'pino';
import type { DestinationStream } from 'pino';

import type { Clock, Log, LogFields } from '@lockstep/kernel';

import { foldWarnings } from './fold-warnings.ts';

export interface ProgramLogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly broker: string;
  readonly node: string;
  readonly clock: Clock;
  /** Takes whole lines. */
  readonly output: DestinationStream;
}

/** The log of one node. `level`, `time` (ISO 8601, UTC), `broker`, `node` and `msg` are in every line, and the fields between them. */
export interface ProgramLog extends Log {
  /** Whatever the level: for the line by which scripts know that the node can be used. */
  always(message: string, fields: LogFields): void;
  /** The least important lines that are shown from now on. */
  setLevel(level: ProgramLogOptions['level']): void;
  /** The process is about to end because of this. */
  fatal(message: string, fields: LogFields): void;
  /** Writes what was held back as repeated. */
  finish(): void;
}

export function programLog({ level, broker, node, clock, output }: ProgramLogOptions): ProgramLog {
  const logger = pino(
    {
      level,
      base: { broker, node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  const unfiltered = logger.child({}, { level: 'info' });
  const plain: Log = {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
  return {
    ...foldWarnings(plain, clock),
    always: (message, fields) => unfiltered.info(fields, message),
    setLevel(to) {
      logger.level = to;
    },
    fatal: (message, fields) => logger.fatal(fields, message),
  };
}
