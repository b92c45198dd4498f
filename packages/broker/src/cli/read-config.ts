import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';

import { loadConfig } from '../config/load-config.ts';
import type { ConfigSources, NodeSettings } from '../config/load-config.ts';
import type { Texts } from '../config/sources.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

/** A secret shorter than this can be guessed. */
const SECRET_BYTES_MIN = 16;

const WHY_UNREADABLE: ReadonlyMap<string | undefined, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'this user may not read it'],
  ['EISDIR', 'it is a directory'],
]);

/** @throws CommandError that begins with what was `said`. */
export function readOrExplain(path: string, said: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(exitCodes.usage, `${said}: cannot read ${path}: ${WHY_UNREADABLE.get(code) ?? message}`);
  }
}

async function readFile(path: string): Promise<ConfigSources['file']> {
  const text = readOrExplain(path, '--config').toString('utf8');
  // Without a file nobody waits for this to load.
  const { parseYamlFile } = await import('../config/yaml-file.ts');
  return { yaml: parseYamlFile(path, text), directory: dirname(resolve(path)) };
}

/**
 * The settings from the file (if any), the environment and the flags.
 * @throws ConfigError for what it says; CommandError when the file can't be read.
 */
export async function readConfig(
  file: string | undefined,
  flags: Texts,
  environment: Texts,
  anonymous: boolean,
): Promise<NodeSettings> {
  // Zero, or more than the machine has: not constrained.
  const constrained = process.constrainedMemory() || Infinity;
  return loadConfig({
    file: file === undefined ? null : await readFile(file),
    environment,
    flags,
    anonymous,
    memoryBytes: Math.min(totalmem(), constrained),
    workingDirectory: process.cwd(),
    resolvePath: resolve,
  });
}

/** What the members of the cluster share; blanks and line ends around it don't count. */
export function readSecret(path: string | null): Uint8Array | null {
  if (path === null) return null;
  const secret = readOrExplain(path, 'cluster.secretFile').toString('latin1').trim();
  if (secret.length < SECRET_BYTES_MIN) {
    const message = `cluster.secretFile: ${path} holds ${secret.length} bytes: must hold at least ${SECRET_BYTES_MIN}`;
    throw new CommandError(exitCodes.usage, `${message} (\`openssl rand -hex 32\` makes one)`);
  }
  return Buffer.from(secret, 'latin1');
}
