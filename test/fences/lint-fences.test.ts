/**
 * Every fence of `.oxlintrc.json` is put to the test: a small tree of files that each break one rule, and of files that stand
 * where the rule allows it. A fence that does not bite is worth nothing.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../../..');

interface Case {
  readonly file: string;
  readonly code: string;
  /** The rule that must complain, and no other; null where nothing may. */
  readonly rule: string | null;
}

const globals = 'eslint(no-restricted-globals)';
const properties = 'eslint(no-restricted-properties)';
const modules = 'import(no-nodejs-modules)';
const imports = 'eslint(no-restricted-imports)';

/** Uses of the outside world, each with the rule that keeps it out. */
const outside: readonly (readonly [string, string, string])[] = [
  ['date-now', 'export const x: number = Date.now();', globals],
  ['new-date', 'export const x: object = new Date();', globals],
  ['global-date', 'export const x: number = globalThis.Date.now();', globals],
  ['performance', 'export const x: number = performance.now();', globals],
  ['set-timeout', 'setTimeout(() => {}, 1);', globals],
  ['global-set-timeout', 'globalThis.setTimeout(() => {}, 1);', globals],
  ['set-interval', 'setInterval(() => {}, 1);', globals],
  ['crypto', 'export const x: string = crypto.randomUUID();', globals],
  ['fetch', "export const x: unknown = await fetch('http://localhost');", globals],
  ['math-random', 'export const x: number = Math.random();', properties],
  ['net', "import { connect } from 'node:net';\nexport const x: unknown = connect;", modules],
  ['tls', "import { connect } from 'node:tls';\nexport const x: unknown = connect;", modules],
  ['http', "import { get } from 'node:http';\nexport const x: unknown = get;", modules],
  ['timers', "import { setTimeout as x } from 'node:timers/promises';\nexport { x };", modules],
  ['node-crypto', "import { randomBytes } from 'node:crypto';\nexport const x: unknown = randomBytes;", modules],
  ['os', "import { hostname } from 'node:os';\nexport const x: unknown = hostname;", modules],
  ['child-process', "import { spawn } from 'node:child_process';\nexport const x: unknown = spawn;", modules],
  ['worker', "import { Worker } from 'node:worker_threads';\nexport const x: unknown = Worker;", modules],
  ['perf-hooks', "import { performance as x } from 'node:perf_hooks';\nexport { x };", modules],
  ['dynamic-import', "export const x: unknown = await import('node:net');", modules],
  ['destructured', 'const { random } = Math;\nexport const x: number = random();', properties],
  ['re-export', "export { connect } from 'node:net';", modules],
];

/** What a test may do besides, and shipped code may not. */
const shippedOnly: readonly (readonly [string, string, string])[] = [
  ['set-immediate', 'setImmediate(() => {});', globals],
  ['microtask', 'queueMicrotask(() => {});', globals],
  ['process', 'export const x: number = process.pid;', globals],
  ['fs', "import { readFileSync } from 'node:fs';\nexport const x: unknown = readFileSync;", modules],
  ['path', "import { join } from 'node:path';\nexport const x: unknown = join;", modules],
];

const named = (name: string): string => `import { x } from '${name}';\nexport const y: unknown = x;`;

const shippedFolders = [
  'packages/kernel/src',
  'packages/core/src',
  'packages/stomp-server/src',
  'packages/raft-log/src/node',
  'packages/raft-log/src/driver',
  'packages/federation/src',
  'packages/broker/src/config',
];

function casesOfTheOutside(): readonly Case[] {
  const cases: Case[] = [];
  for (const [name, code, rule] of [...outside, ...shippedOnly]) {
    for (const folder of shippedFolders) cases.push({ file: `${folder}/${name}.ts`, code, rule });
    for (const folder of [
      'packages/broker/src/ports',
      'packages/broker/src/cli',
      'packages/broker/test',
      'packages/stomp-server/bench',
      'scripts',
      'test/cluster',
    ]) {
      cases.push({ file: `${folder}/${name}.ts`, code, rule: null });
    }
  }
  for (const [name, code, rule] of outside) {
    for (const folder of ['packages/core/test', 'packages/testkit/src', 'packages/testkit/test', 'test/simulation']) {
      cases.push({ file: `${folder}/${name}.ts`, code, rule });
    }
  }
  const turn = 'setImmediate(() => {});';
  for (const folder of ['packages/core/test', 'packages/testkit/src'])
    cases.push({ file: `${folder}/turn.ts`, code: turn, rule: null });
  const scenario = "import { readFileSync } from 'node:fs';\nexport const x: unknown = readFileSync;";
  cases.push({ file: 'packages/core/test/scenario.ts', code: scenario, rule: null });
  cases.push({ file: 'packages/testkit/src/scenario.ts', code: scenario, rule: modules });
  const zlib = "import { crc32 } from 'node:zlib';\nexport const x: unknown = crc32;";
  cases.push({ file: 'packages/raft-log/src/driver/zlib.ts', code: zlib, rule: null });
  return cases;
}

const casesOfTheGraph: readonly Case[] = [
  { file: 'packages/core/src/index-of.ts', code: named('@lockstep/kernel'), rule: null },
  { file: 'packages/core/src/deep.ts', code: named('@lockstep/kernel/build/src/ids.js'), rule: imports },
  { file: 'packages/core/src/deep-type.ts', code: "export type { x } from '@lockstep/kernel/clock';", rule: imports },
  { file: 'packages/core/src/relative.ts', code: named('../../kernel/src/ids.ts'), rule: imports },
  { file: 'packages/broker/src/wiring/relative.ts', code: named('../../../core/src/ids.ts'), rule: imports },
  { file: 'packages/broker/src/ports/relative.ts', code: named('../../../core/src/ids.ts'), rule: imports },
  { file: 'packages/core/src/own.ts', code: named('../queue/ids.ts'), rule: null },
  { file: 'packages/core/src/testkit.ts', code: named('@lockstep/testkit'), rule: imports },
  { file: 'packages/federation/src/testkit.ts', code: named('@lockstep/testkit'), rule: imports },
  { file: 'packages/broker/src/cli/testkit.ts', code: named('@lockstep/testkit'), rule: imports },
  { file: 'packages/core/src/tap.ts', code: named('tap'), rule: imports },
  { file: 'packages/core/src/fast-check.ts', code: named('fast-check'), rule: imports },
  { file: 'packages/core/test/testkit.ts', code: named('@lockstep/testkit'), rule: null },
  { file: 'packages/core/test/own.ts', code: named('../src/ids.ts'), rule: null },
  { file: 'packages/core/test/deep/own.ts', code: named('../../src/ids.ts'), rule: null },
  { file: 'packages/core/test/relative.ts', code: named('../../kernel/src/ids.ts'), rule: imports },
  { file: 'packages/core/test/deep.ts', code: named('@lockstep/kernel/ids'), rule: imports },
  { file: 'packages/testkit/src/deep.ts', code: named('@lockstep/kernel/ids'), rule: imports },
  { file: 'packages/broker/src/codec.ts', code: named('@lockstep/stomp-server/codec'), rule: null },
  { file: 'packages/broker/src/codec-deep.ts', code: named('@lockstep/stomp-server/codec/frame'), rule: imports },
  { file: 'packages/broker/src/server.ts', code: named('@lockstep/stomp-server'), rule: null },
  { file: 'packages/federation/src/codec.ts', code: named('@lockstep/stomp-server/codec'), rule: null },
  { file: 'packages/federation/src/server.ts', code: named('@lockstep/stomp-server'), rule: imports },
  { file: 'packages/federation/src/deep.ts', code: named('@lockstep/core/queue'), rule: imports },
  { file: 'packages/federation/src/relative.ts', code: named('../../core/src/ids.ts'), rule: imports },
  { file: 'scripts/simulation.ts', code: named('@lockstep/test/simulation'), rule: null },
  { file: 'scripts/bench.ts', code: named('@lockstep/test/harness'), rule: null },
  { file: 'scripts/codec.ts', code: named('@lockstep/stomp-server/codec'), rule: null },
  { file: 'scripts/deep.ts', code: named('@lockstep/test/cluster'), rule: imports },
  { file: 'test/cluster/deep.ts', code: named('@lockstep/core/queue'), rule: imports },
  { file: 'test/cluster/relative.ts', code: named('../../packages/core/src/ids.ts'), rule: imports },
  { file: 'test/cluster/testkit.ts', code: named('@lockstep/testkit'), rule: null },
];

const promise = 'declare function work(): Promise<void>;\n';
const longFunction = `export function long(): void {\n${'  void 0;\n'.repeat(71)}}\n`;

const casesOfStyle: readonly Case[] = [
  {
    file: 'packages/core/src/cycle-a.ts',
    code: "import { b } from './cycle-b.ts';\nexport const a: unknown = b;",
    rule: 'import(no-cycle)',
  },
  {
    file: 'packages/core/src/cycle-b.ts',
    code: "import { a } from './cycle-a.ts';\nexport const b: unknown = a;",
    rule: 'import(no-cycle)',
  },
  { file: 'packages/core/src/default.ts', code: 'export default 1;', rule: 'import(no-default-export)' },
  { file: 'packages/core/src/camelCase.ts', code: 'export const x: number = 1;', rule: 'unicorn(filename-case)' },
  { file: 'packages/core/src/long.ts', code: longFunction, rule: 'eslint(max-lines-per-function)' },
  { file: 'packages/core/test/long.ts', code: longFunction, rule: null },
  { file: 'packages/core/src/console.ts', code: "console.log('x');", rule: 'eslint(no-console)' },
  { file: 'packages/broker/src/cli/bare.ts', code: named('fs'), rule: 'unicorn(prefer-node-protocol)' },
  { file: 'packages/core/src/any.ts', code: 'export const x: any = 1;', rule: 'typescript(no-explicit-any)' },
  { file: 'packages/core/src/floating.ts', code: `${promise}work();`, rule: 'typescript(no-floating-promises)' },
  { file: 'packages/core/src/voided.ts', code: `${promise}void work();`, rule: null },
  {
    file: 'packages/core/src/misused.ts',
    code: `${promise}export const x: number = work() ? 1 : 2;`,
    rule: 'typescript(no-misused-promises)',
  },
  {
    file: 'packages/core/src/switch.ts',
    code: "export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}",
    rule: 'typescript(switch-exhaustiveness-check)',
  },
];

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

function lint(cases: readonly Case[]): ReadonlyMap<string, readonly string[]> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep-fences-')));
  try {
    copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    const compilerOptions = {
      strict: true,
      module: 'nodenext',
      target: 'es2023',
      noEmit: true,
      allowImportingTsExtensions: true,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    for (const { file, code } of cases) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      writeFileSync(join(folder, file), `${code}\n`);
    }
    const require = createRequire(join(root, 'package.json'));
    const program = join(dirname(require.resolve('oxlint/package.json')), 'bin/oxlint');
    // tap puts its own loader into the environment of every child; the linter's start does not survive it.
    const run = spawnSync('env', ['-u', 'NODE_OPTIONS', process.execPath, program, '--format=json'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}` },
    });
    const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: readonly Diagnostic[] };
    const found = new Map<string, string[]>();
    for (const { code, filename } of diagnostics) {
      const rules = found.get(filename) ?? [];
      if (!rules.includes(code)) rules.push(code);
      found.set(filename, rules);
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const cases = [...casesOfTheOutside(), ...casesOfTheGraph, ...casesOfStyle];
const found = lint(cases);

// One assertion a file name: the same code in every folder that it was put into.
const names = new Set(cases.map(({ file }) => basename(file)));
for (const name of names) {
  const here = cases.filter(({ file }) => basename(file) === name);
  const expected = here.map(({ file, rule }) => `${file}: ${rule ?? 'allowed'}`);
  const actual = here.map(({ file }) => `${file}: ${found.get(file)?.join(', ') ?? 'allowed'}`);
  t.same(actual, expected, `${name}: ${[...new Set(here.map(({ rule }) => rule ?? 'allowed'))].join(', ')}`);
}
