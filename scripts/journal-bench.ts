/**
 * The journal alone against the bare disk: records appended in groups, each group on disk before the one after the next is written (so the next gathers
 * meanwhile, as in a node), and the same bytes by `write` and `fdatasync` alone. Short spells of both take turns, so that what else the machine does
 * hits both; the ratio is the median of those of neighbouring spells.
 *
 * usage: pnpm journal-bench [--directory DIR] [--groups 1,10,100,1000] [--bytes 256] [--rounds 9] [--spell MS] [--json]
 */
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { NodeClock, NodeDisk } from '@lockstep/broker';
import { silentLog } from '@lockstep/kernel';
import { entryKind, makeEntry, openStorage, recordHeaderBytes } from '@lockstep/raft-log/care';
import type { Entry } from '@lockstep/raft-log/care';

const segmentBytes = 64 * 1024 * 1024;

/** Groups a second that the disk takes. */
function bareSpell(directory: string, groupBytes: number, spellMs: number): number {
  const path = join(directory, 'bare');
  const bytes = Buffer.alloc(groupBytes, 'x');
  const file = openSync(path, 'w');
  const begun = performance.now();
  let groups = 0;
  for (; performance.now() - begun < spellMs; groups++) {
    writeSync(file, bytes, 0, bytes.length, groups * bytes.length);
    fdatasyncSync(file);
  }
  const seconds = (performance.now() - begun) / 1000;
  closeSync(file);
  rmSync(path);
  return groups / seconds;
}

/** Groups a second that the journal takes. */
async function journalSpell(directory: string, records: number, bodyBytes: number, spellMs: number): Promise<number> {
  const root = join(directory, 'journal');
  mkdirSync(root);
  const clock = new NodeClock();
  const storage = await openStorage({ disk: new NodeDisk(root), log: silentLog, clock, segmentBytes, fsync: 'always' });
  const body = new Uint8Array(bodyBytes).fill(120);
  const begun = performance.now();
  let groups = 0;
  let index = 1;
  const make = (): Entry[] => Array.from({ length: records }, () => makeEntry(index++, 1, entryKind.command, body));
  await new Promise<void>((resolve, reject) => {
    storage.onFailure(reject);
    const write = (entries: Entry[]): void => {
      let next: Entry[] | null = null;
      // It gathers while this one is on its way.
      const gathering = setImmediate(() => (next = make()));
      storage.write({ hardState: null, entries }, () => {
        clearImmediate(gathering);
        groups++;
        if (performance.now() - begun >= spellMs) resolve();
        else write(next ?? make());
      });
    };
    write(make());
  });
  const seconds = (performance.now() - begun) / 1000;
  await storage.close();
  rmSync(root, { recursive: true });
  return groups / seconds;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const { values } = parseArgs({
  options: {
    directory: { type: 'string', default: tmpdir() },
    groups: { type: 'string', default: '1,10,100,1000' },
    bytes: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '9' },
    spell: { type: 'string', default: '400' },
    json: { type: 'boolean', default: false },
  },
});
const directory = mkdtempSync(join(values.directory, 'journal-bench-'));
const bodyBytes = Number(values.bytes);
const spellMs = Number(values.spell);
const results = [];
try {
  for (const records of values.groups.split(',').map(Number)) {
    const bare: number[] = [];
    const journal: number[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      bare.push(bareSpell(directory, records * (recordHeaderBytes + bodyBytes), spellMs));
      journal.push(await journalSpell(directory, records, bodyBytes, spellMs));
    }
    const ratio = median(journal.map((rate, i) => rate / bare[i]!));
    results.push({ records, bareGroups: median(bare), journalGroups: median(journal), ratio });
  }
} finally {
  rmSync(directory, { recursive: true });
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
else {
  const lines = results.map(
    ({ records, bareGroups, journalGroups, ratio }) =>
      `| ${records} | ${Math.round(bareGroups)} | ${Math.round(journalGroups)} | ${Math.round(journalGroups * records)} | ${Math.round(ratio * 100)} % |\n`,
  );
  process.stdout.write(
    `| records in a group | write + fdatasync, groups/s | journal, groups/s | records/s | ratio |\n| --: | --: | --: | --: | --: |\n${lines.join('')}`,
  );
}
