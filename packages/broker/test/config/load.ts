import { ConfigError } from '../../src/config/config-error.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { NodeSettings } from '../../src/config/load-config.ts';
import type { Texts } from '../../src/config/sources.ts';
import { parseYamlFile } from '../../src/config/yaml-file.ts';

const GIB = 1024 ** 3;

export interface Said {
  readonly yaml?: string;
  readonly environment?: Texts;
  readonly flags?: Texts;
  readonly anonymous?: boolean;
  readonly memoryBytes?: number;
}

/** A machine of 8 GiB unless said, working in /srv, with the file in /etc/lockstep. */
export function load({
  yaml,
  environment = {},
  flags = {},
  anonymous = false,
  memoryBytes = 8 * GIB,
}: Said): NodeSettings {
  return loadConfig({
    file: yaml === undefined ? null : { yaml: parseYamlFile('l.yaml', yaml), directory: '/etc/lockstep' },
    environment,
    flags,
    anonymous,
    memoryBytes,
    workingDirectory: '/srv',
    resolvePath: (directory, path) => (path.startsWith('/') ? path : `${directory}/${path}`),
  });
}

/** What the reader is told, line by line; empty when nothing is wrong. */
export function complaints(said: Said): readonly string[] {
  try {
    load(said);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
}
