import { pino } from 'pino';
import type { DestinationStream } from 'pino';

export interface LogOutput {
  readonly stream: DestinationStream;
  /** Writes what is buffered, now; for the last moment of the process. */
  flush(): void;
}

/**
 * Standard output. Lines are written behind the event loop's back, so that a reader that stalls doesn't stall the broker; a reader
 * that is gone is no reason to end.
 */
export async function logOutput(pretty: boolean): Promise<LogOutput> {
  const destination = pino.destination({ fd: 1, sync: false });
  destination.on('error', () => {});
  const flush = (): void => {
    try {
      destination.flushSync();
    } catch {
      // Not opened yet, or nobody reads: there is nobody to tell.
    }
  };
  if (!pretty) return { stream: destination, flush };
  const { prettyFactory } = await import('pino-pretty');
  const prettify = prettyFactory({
    colorize: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
    ignore: 'broker,node',
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return {
    stream: {
      write(line) {
        destination.write(prettify(line));
      },
    },
    flush,
  };
}
