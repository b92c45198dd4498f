/**
 * `node scripts/build/testing/run-suite.js SUITE [PART-OF-PATH…]`: runs one suite of compiled tests under the Node that runs
 * this, and ends with `N passed, N failed`. Exit code 1 when a test failed, was skipped, or none ran.
 */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  createWriteStream,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cleanStale } from './clean-stale.ts';
import { suites } from './suites.ts';
import type { Suite } from './suites.ts';
import { TapReport } from './tap-report.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const tapProgram = join(realpathSync(join(root, 'node_modules/tap')), 'dist/esm/run.mjs');

function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  line: (text: string) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tapProgram, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    lines.on('line', line);
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/**
 * tap compiles its own test class from its list of plugins, once per installation. Without that the first run fails: so
 * it is done here, and noted inside the folder that a new installation replaces.
 */
async function buildTap(): Promise<void> {
  const plugins = JSON.stringify(
    (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { tap: unknown }).tap,
  );
  const built = join(dirname(realpathSync(join(root, 'node_modules/tap'))), '@tapjs/test/test-built');
  const stamp = join(built, 'built-for-lockstep.json');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === plugins) return;
  console.log('# building tap for this installation');
  unlinkFromStore(built);
  const said: string[] = [];
  const code = await run(['build'], {}, (text) => said.push(text));
  if (code !== 0) throw new Error(`tap build failed:\n${said.join('\n')}`);
  writeFileSync(stamp, plugins);
}

/** pnpm's files are hard links into its store; tap writes into them, and so into every other checkout on the machine. */
function unlinkFromStore(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    rmSync(path);
    writeFileSync(path, bytes);
  }
}

function testFiles(suite: Suite, parts: readonly string[]): readonly string[] {
  const files: string[] = [];
  for (const folder of suite.folders) {
    const [before = '', after] = folder.split('*');
    const expanded =
      after === undefined ? [folder] : readdirSync(join(root, before)).map((name) => before + name + after);
    for (const path of expanded) {
      if (!existsSync(join(root, path))) continue;
      for (const entry of readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })) {
        if (entry.endsWith('.test.js')) files.push(join(path, entry));
      }
    }
  }
  return files.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part))).toSorted();
}

async function runSuite(suite: Suite, parts: readonly string[]): Promise<boolean> {
  for (const path of cleanStale(root)) console.log(`# removed ${path}: its source has gone`);
  const files = testFiles(suite, parts);
  await buildTap();
  const report = new TapReport((line) => console.log(line));
  mkdirSync(join(root, '.tap'), { recursive: true });
  const raw = createWriteStream(join(root, `.tap/${suite.name}.tap`));
  let code = 1;
  if (files.length > 0) {
    const options = ['--reporter=tap', '--fail-skip', `--jobs=${suite.jobs}`, `--timeout=${suite.fileSecondsMax}`];
    code = await run([...options, ...files], suite.env, (line) => {
      raw.write(`${line}\n`);
      report.line(line);
    });
  }
  raw.end();
  const { passed, failed } = report.counts();
  // A run that tap calls failed has failed, even where no line of it says so.
  const failures = code !== 0 && failed === 0 ? 1 : failed;
  console.log(`# ${suite.name}: ${files.length} files on Node ${process.version}`);
  for (const file of report.filesFailed) console.log(`# failed: ${file}`);
  console.log(`${passed} passed, ${failures} failed`);
  return failures === 0 && passed > 0;
}

const [name, ...parts] = process.argv.slice(2);
const suite = suites.find((candidate) => candidate.name === name);
if (suite === undefined) {
  console.error(`usage: run-suite ${suites.map((known) => known.name).join('|')} [PART-OF-PATH…]`);
  process.exitCode = 2;
} else {
  process.exitCode = (await runSuite(suite, parts)) ? 0 : 1;
}
