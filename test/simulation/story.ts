import type { Log, LogFields } from '@lockstep/kernel';

/** Rare states, and the words in which a node's log tells of them. */
const tales: readonly (readonly [name: string, text: RegExp])[] = [
  ['snapshots offered', /: receiving a snapshot of /],
  ['snapshots installed', /^the snapshot from node .* is in place/],
  ['snapshots: live records fetched', /of its \d+ live records are to be fetched$/],
  ['journals void', /^the journal is void/],
  ['torn tails cut', /^cutting off a write that a crash interrupted/],
  ['journals cut before damage, vote given up', /until then this node has no vote$/],
  ['damaged records fetched from others', /, is repaired: /],
  ['damage found by the scrubber', /^the scrubber found /],
  ['tables of retired segments made anew', /^the table of a (?:retired segment|store file) /],
  ['compactions done', /^compacted$/],
  ['reserves given up', /^the disk is full: the room that was kept back is used now/],
  ['SENDs refused for want of room', /: SENDs are refused until there is room again/],
  ['room again', /^there is room on the disk again/],
  ['no room for a snapshot or for old segments', /^no room on the disk /],
  ['hand-overs of a master whose disk is slow', /^writes to this node's disk take .* leadership is handed over/],
  ['wiped disks joined', /joins cluster .* with an empty disk/],
  ['leaders seen dead', /^lost sight of the (?:leader|master).* its process is gone/],
  ['leaders fallen silent', /^lost sight of the (?:leader|master).* silent for too long/],
  ['leaders without a majority', /it has not heard a majority for too long$/],
  ['hand-overs', /hands leadership over to/],
  ['clients let go without a master', /^no master for \d+ ms: closed the client connections/],
  ['clients let go by a node that gets no further', /^this node is behind the master, and has applied nothing for/],
  ['clients of removed nodes let go', /^who is no member of the cluster any more serves no clients/],
  ['clients without a master', /^a new client found no master in time/],
];

/** Counts what a run comes to, by kind, partly from what its nodes tell: proof that it has been where it should go. */
export class Story {
  readonly counts: Map<string, number> = new Map(tales.map(([name]) => [name, 0]));

  saw(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** A log that counts, and passes everything on. `heard`: told each kind of tale at once. */
  listen(log: Log, heard: (name: string) => void): Log {
    const count = (message: string): void => {
      for (const [name, text] of tales) {
        if (!text.test(message)) continue;
        this.saw(name);
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
