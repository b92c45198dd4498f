import type { Clock, Log, LogFields, Timer } from '@lockstep/kernel';

/** How many equal warnings are shown within one window; the rest are counted. */
const SHOWN = 5;
const WINDOW_MS = 10_000;
/** Different messages that are watched at a time. Beyond it all are shown: folding must not cost memory. */
const WATCHED = 1000;

interface Storm {
  shown: number;
  folded: number;
  lastFields: LogFields | undefined;
  timer: Timer | null;
}

/**
 * A log that lets a storm of equal warnings (the same message, whatever its fields) through as its first few lines and, at the
 * end of each ten seconds, one line that says how many more there were, with the fields of the last one. Other levels pass
 * unchanged. `finish` writes what is still folded; call it before the program ends.
 */
export function foldWarnings(log: Log, clock: Clock): Log & { finish(): void } {
  const storms = new Map<string, Storm>();

  const endWindow = (message: string, storm: Storm): void => {
    storms.delete(message);
    storm.timer?.cancel();
    if (storm.folded === 0) return;
    const seconds = WINDOW_MS / 1000;
    log.warn(message, { ...storm.lastFields, folded: storm.folded, foldedOverSeconds: seconds });
  };

  const warn = (message: string, fields?: LogFields): void => {
    const storm = storms.get(message);
    if (storm !== undefined && storm.shown === SHOWN) {
      storm.folded += 1;
      storm.lastFields = fields;
      return;
    }
    log.warn(message, fields);
    if (storm !== undefined) {
      storm.shown += 1;
    } else if (storms.size < WATCHED) {
      const fresh: Storm = { shown: 1, folded: 0, lastFields: undefined, timer: null };
      storms.set(message, fresh);
      fresh.timer = clock.setTimer(WINDOW_MS, () => endWindow(message, fresh));
    }
  };

  return {
    debug: (message, fields) => log.debug(message, fields),
    info: (message, fields) => log.info(message, fields),
    error: (message, fields) => log.error(message, fields),
    warn,
    finish() {
      for (const [message, storm] of storms) endWindow(message, storm);
    },
  };
}
