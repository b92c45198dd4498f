/**
 * Reads the TAP stream of a whole run: one block per test file. Prints a line for a file that passed and the whole block of
 * one that failed, and counts single assertions. Skipped tests and files without tests count as failures: a missing
 * prerequisite must not look like success.
 */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

const RESULT = /^(not ok|ok) \d+ - (.*?)(?: # (.*))?$/;

export class TapReport {
  readonly #print: (line: string) => void;
  #block: string[] = [];
  #passed = 0;
  #failed = 0;
  #filesFailed: string[] = [];

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** One line of the stream, without its line feed, in order. */
  line(line: string): void {
    const file = RESULT.exec(line);
    if (file !== null) this.#fileEnded(line, file);
    else if (line.startsWith('# Subtest: ')) this.#block = [];
    else if (line.startsWith(' ') || line === '') this.#block.push(line);
  }

  get filesFailed(): readonly string[] {
    return this.#filesFailed;
  }

  counts(): Counts {
    return { passed: this.#passed, failed: this.#failed };
  }

  #fileEnded(line: string, [, verdict, name = '', note = '']: RegExpExecArray): void {
    const { passed, failed } = countAssertions(this.#block);
    const ranNothing = passed + failed === 0;
    const bad = verdict !== 'ok' || failed > 0 || ranNothing;
    this.#passed += passed;
    this.#failed += bad ? Math.max(1, failed) : 0;
    const source = name.replace(/build\/(test\/)?/, '$1').replace(/\.js$/, '.ts');
    if (bad) {
      this.#filesFailed.push(source);
      this.#print(`not ok ${source}${ranNothing ? ' (no assertion ran)' : ''}`);
      for (const detail of this.#block) this.#print(detail);
      this.#print(`    ${line}`);
    } else {
      this.#print(`ok ${source} ${passed} passed, ${note}`);
    }
    this.#block = [];
  }
}

/**
 * Counts the leaves: a result line that closes a subtest only sums up what was counted inside it. A subtest without an
 * assertion of its own (a property, which fails by throwing) is a leaf too.
 */
function countAssertions(block: readonly string[]): Counts {
  let passed = 0;
  let failed = 0;
  const open: { readonly indent: number; readonly passedBefore: number; readonly failedBefore: number }[] = [];
  let yamlIndent = -1;
  for (const line of block) {
    const text = line.trimStart();
    const indent = line.length - text.length;
    if (yamlIndent >= 0) {
      if (text === '...' && indent === yamlIndent) yamlIndent = -1;
      continue;
    }
    if (text === '---') yamlIndent = indent;
    else if (text.startsWith('# Subtest: ')) open.push({ indent, passedBefore: passed, failedBefore: failed });
    const result = RESULT.exec(text);
    if (result === null || text.endsWith('{')) continue;
    const good = result[1] === 'ok' && !/^(SKIP|TODO)/i.test(result[3] ?? '');
    const closed = open.at(-1)?.indent === indent ? open.pop() : undefined;
    // A subtest may fail though nothing in it did: a plan not met, a time-out, a skip, an exception.
    if (good && (closed === undefined || passed === closed.passedBefore)) passed += 1;
    else if (!good && (closed === undefined || failed === closed.failedBefore)) failed += 1;
  }
  return { passed, failed };
}
