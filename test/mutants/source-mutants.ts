import type { Mutant } from './mutant.ts';

const storage = 'raft-log/build/src/driver/storage';
const scan = `${storage}/scan-segment.js`;

/** Bugs put into the compiled code as it is loaded (`harness/load-mutant.ts`): nothing in the code itself knows of them. */
export const sourceMutants: readonly Mutant[] = [
  {
    name: 'a torn tail taken for corruption',
    edits: [{ file: scan, from: 'torn, damage: torn ? null : damage };', to: 'torn: false, damage };' }],
  },
  {
    name: 'corruption taken for a torn tail',
    edits: [{ file: scan, from: 'torn, damage: torn ? null : damage };', to: 'torn: true, damage: null };' }],
  },
  {
    name: 'a torn tail accepted',
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
    edits: [{ file: scan, from: 'const torn = !synced && isHeaderMissing(bytes, offset);', to: 'const torn = true;' }],
  },
  {
    name: 'a failed fsync taken for done',
    mutation: () => ({ faults: ['diskFault', 'diskFault', 'crash', 'crashAll'] }),
    edits: [
      {
        file: `${storage}/file-storage.js`,
        from: 'await this.#syncAsTold();',
        to: 'await this.#syncAsTold().catch(() => {});',
      },
    ],
  },
  {
    name: 'the term written after its entries',
    mutation: () => ({ faults: ['crashAtDiskStep', 'crashAll', 'transfer', 'isolate'] }),
    edits: [
      {
        file: `${storage}/file-storage.js`,
        from: 'if (hardState !== null)\n            await this.#hardState.write(hardState);\n        if (entries',
        to: 'if (entries',
      },
      {
        file: `${storage}/file-storage.js`,
        from: 'for (const { done } of group)',
        to: 'if (hardState !== null)\n            await this.#hardState.write(hardState);\n        for (const { done } of group)',
      },
    ],
  },
  {
    name: 'the log not begun anew behind an installed snapshot',
    edits: [{ file: `${storage}/file-storage.js`, from: 'await this.#journal.resetAt(index, term);', to: '' }],
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
];
