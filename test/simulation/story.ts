import type { Log, LogFields } from '@lockstep/kernel';

/** Rare states, and the words in which a node's log tells of them. */
const tales: readonly (readonly [name: string, text: RegExp])[] = [
  ['snapshots offered', /: receiving a snapshot of /],
  ['snapshots installed', /^the snapshot from node .* is in place/],
  ['journals void', /^the journal is void/],
  ['torn tails', /^cutting off a write that a crash interrupted/],
  ['wiped disks joined', /joins cluster .* with an empty disk/],
  ['leaders seen dead', /^lost sight of the (?:leader|master).* its process is gone/],
  ['leaders fallen silent', /^lost sight of the (?:leader|master).* silent for too long/],
  ['leaders without a majority', /it has not heard a majority for too long$/],
  ['hand-overs', /hands leadership over to/],
  ['clients passed on', /^a slave passes a client on/],
  ['clients without a master', /^closed a new client connection that found no master/],
];

/** Counts what the nodes tell, by kind: proof that a run has been where it should go. */
export class Story {
  readonly counts: Map<string, number> = new Map(tales.map(([name]) => [name, 0]));

  /** A log that counts, and passes everything on. `heard`: told each kind of tale at once. */
  listen(log: Log, heard: (name: string) => void): Log {
    const count = (message: string): void => {
      for (const [name, text] of tales) {
        if (!text.test(message)) continue;
        this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
        heard(name);
        return;
      }
    };
    const tell =
      (pass: (message: string, fields?: LogFields) => void) =>
      (message: string, fields?: LogFields): void => {
        count(message);
        pass(message, fields);
      };
    return {
      debug: tell((message, fields) => log.debug(message, fields)),
      info: tell((message, fields) => log.info(message, fields)),
      warn: tell((message, fields) => log.warn(message, fields)),
      error: tell((message, fields) => log.error(message, fields)),
    };
  }
}
