import type * as Trials from '@lockstep/raft-log/trials';

import type { Mutant } from './mutant.ts';

const storage = 'raft-log/build/src/driver/storage';
const scan = `${storage}/scan-segment.js`;
const fileStorage = `${storage}/file-storage.js`;

type Trial = NonNullable<Mutant['trial']>;

/** Loaded when it runs: this list is read before the edits are made, and what is loaded by then stays as it is. */
const trials = (): Promise<typeof Trials> => import('@lockstep/raft-log/trials');

const crash: Trial = { of: 'a storage whose power fails', run: async (seed) => (await trials()).tryCrash(seed) };
const failingSync: Trial = {
  of: 'a storage with a sync that fails',
  run: async (seed) => (await trials()).tryCrash(seed, { failingSync: true }),
};
const damage: Trial = { of: 'a journal with a wrong byte', run: async (seed) => (await trials()).tryDamage(seed) };
const compaction: Trial = {
  of: 'compaction whose power fails',
  run: async (seed) => (await trials()).tryCompaction(seed),
};

/** Bugs put into the compiled code as it is loaded (`harness/load-mutant.ts`): nothing in the code itself knows of them. */
export const sourceMutants: readonly Mutant[] = [
  {
    name: 'a torn tail taken for corruption',
    trial: crash,
    edits: [{ file: scan, from: 'torn, damage: torn ? null : damage };', to: 'torn: false, damage };' }],
  },
  {
    name: 'corruption taken for a torn tail',
    trial: damage,
    edits: [{ file: scan, from: 'torn, damage: torn ? null : damage };', to: 'torn: true, damage: null };' }],
  },
  {
    name: 'a torn tail accepted',
    trial: crash,
    edits: [
      {
        file: scan,
        from: 'return { end: offset, syncedTo: Math.min(syncedTo, offset), torn, damage',
        to: 'if (torn) { offset += writeExtent(header.byteCount); continue; } return { end: offset, syncedTo, torn, damage',
      },
    ],
  },
  {
    name: 'a damaged write header taken for the end of the journal',
    trial: damage,
    edits: [{ file: scan, from: 'const torn = !synced && isHeaderMissing(bytes, offset);', to: 'const torn = true;' }],
  },
  {
    name: 'a failed fsync taken for done',
    trial: failingSync,
    edits: [
      {
        file: fileStorage,
        from: 'await this.#syncAsTold();',
        to: 'await this.#syncAsTold().catch(() => {});',
      },
    ],
  },
  {
    name: 'the term written after its entries',
    trial: crash,
    edits: [
      {
        file: fileStorage,
        from: 'if (hardState !== null)\n            await this.#hardState.write(hardState);\n        if (entries',
        to: 'if (entries',
      },
      {
        file: fileStorage,
        from: 'for (const { done } of group)',
        to: 'if (hardState !== null)\n            await this.#hardState.write(hardState);\n        for (const { done } of group)',
      },
    ],
  },
  {
    name: 'the log not begun anew behind an installed snapshot',
    trial: crash,
    edits: [{ file: fileStorage, from: 'await this.#journal.resetAt(index, term);', to: '' }],
  },
  {
    name: 'a committed entry applied twice',
    edits: [
      {
        file: 'raft-log/build/src/driver/applier.js',
        from: 'const from = this.#appliedIndex + 1;',
        to: 'const from = this.#appliedIndex % 50 === 49 ? this.#appliedIndex : this.#appliedIndex + 1;',
      },
    ],
  },
  {
    name: 'a read answered before the state has come so far',
    edits: [
      {
        file: 'raft-log/build/src/driver/reads.js',
        from: 'this.#waiting.push({ index, resolve });',
        to: 'resolve(true);',
      },
    ],
  },
  {
    name: 'a member cut off at damage goes on voting',
    trial: damage,
    edits: [
      {
        file: `${storage}/open-storage.js`,
        from: "if (hardState.state.standing === 'voter')\n            await",
        to: "if (hardState.state.standing === 'none')\n            await",
      },
    ],
  },
  {
    name: 'a damaged entry treated as absent',
    trial: damage,
    edits: [
      {
        file: `${storage}/records/record-reader.js`,
        from: "this.#damagedInLog.get(position) ?? this.#bag.damageOf(position) ?? 'missing'",
        to: "'missing'",
      },
    ],
  },
  {
    name: 'checksums never compared',
    trial: damage,
    edits: [
      {
        file: `${storage}/record.js`,
        from: 'if (crc32(record.subarray(8), length) !== readU32(record, 4))',
        to: 'if (length < 0)',
      },
    ],
  },
  {
    name: 'compaction drops a live record',
    trial: compaction,
    edits: [
      {
        file: 'raft-log/build/src/driver/compaction/compaction.js',
        from: 'return position > index || live.has(position);',
        to: 'return position > index || live.has(position + 1);',
      },
    ],
  },
  {
    name: 'compaction trusts what lives now, and not what lived in the snapshot',
    trial: compaction,
    edits: [
      {
        file: 'raft-log/build/src/driver/live-set.js',
        from: 'const frozen = new LiveSet();',
        to: 'if (this.#size >= 0) return this; const frozen = new LiveSet();',
      },
    ],
  },
  {
    name: 'a rewrite that replaces files before it is on disk',
    trial: compaction,
    edits: [
      {
        file: `${storage}/records/store-writer.js`,
        from: 'await this.flush();\n        await this.#file.sync();',
        to: 'await this.flush();',
      },
    ],
  },
  {
    name: 'a snapshot without a live record',
    edits: [
      {
        file: 'core/build/src/snapshot/write.js',
        from: 'if (size === removedSlot)',
        to: 'if (size === removedSlot || positions[at] % 5 === 0)',
      },
    ],
  },
  {
    name: 'a snapshot that goes on changing',
    edits: [{ file: 'core/build/src/snapshot/capture.js', from: 'state.beginSnapshotEra();', to: '' }],
  },
];
