#!/usr/bin/env node
// @ts-check
// Starts the compiled program. Plain JavaScript, so that it can say what to do before anything was compiled.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const main = new URL('../build/src/cli/main.js', import.meta.url);
if (existsSync(fileURLToPath(main))) {
  // From Node 22 on: what was compiled once starts faster the next time.
  module.enableCompileCache?.();
  // Stack traces name the .ts files.
  process.setSourceMapsEnabled(true);
  const { run } = await import(main.href);
  await run(process.argv.slice(2));
} else {
  console.error('lockstep has not been compiled yet: run `npx --yes pnpm@12 build` in the repository first.');
  process.exitCode = 1;
}
