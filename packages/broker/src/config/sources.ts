import { ConfigError } from './config-error.ts';
import type { ConfigPath, YamlFile } from './yaml-file.ts';

/** One thing that can be said on the command line or in the environment. */
export interface Setting {
  /** As on the command line, without the leading `--`. */
  readonly flag: string;
  readonly path: ConfigPath;
  /** From the text of the flag to the value of the key. */
  readonly read: (text: string) => unknown;
}

function plain(text: string): unknown {
  return text;
}

function items(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `a=H:P,b=H:P`, as a map; what is not of that form is left for the schema to refuse. */
function members(text: string): unknown {
  const pairs = items(text).map((item) => item.split('='));
  if (pairs.length === 0 || pairs.some((pair) => pair.length !== 2)) {
    throw new TypeError(
      'must be ID=HOST:PORT for each member, as a=127.0.0.1:61619,b=127.0.0.1:61629,c=127.0.0.1:61639',
    );
  }
  const names = pairs.map(([id]) => id as string);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`must name each member once, and '${twice}' is there twice`);
  return Object.fromEntries(pairs);
}

/** In the environment each is `LOCKSTEP_` and its name in capitals: `LOCKSTEP_PEER_LISTEN`. */
export const settings: readonly Setting[] = [
  { flag: 'data', path: ['data'], read: plain },
  { flag: 'node', path: ['node'], read: plain },
  { flag: 'broker', path: ['broker'], read: plain },
  { flag: 'stomp', path: ['listeners'], read: (text) => items(text).map((stomp) => ({ stomp })) },
  { flag: 'ws', path: ['listeners'], read: (text) => items(text).map((ws) => ({ ws })) },
  { flag: 'admin', path: ['admin'], read: plain },
  { flag: 'peer-listen', path: ['cluster', 'listen'], read: plain },
  { flag: 'members', path: ['cluster', 'members'], read: members },
  { flag: 'secret-file', path: ['cluster', 'secretFile'], read: plain },
  { flag: 'witness', path: ['cluster', 'witness'], read: plain },
  { flag: 'log-level', path: ['log', 'level'], read: plain },
  { flag: 'pretty', path: ['log', 'pretty'], read: plain },
];

export function environmentName(flag: string): string {
  return `LOCKSTEP_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** Everything that was said, merged, and who said it. */
export interface MergedSources {
  readonly values: Record<string, unknown>;
  /** Who said what stands at the path: `--admin`, `LOCKSTEP_ADMIN`, `lockstep.yaml:3:1`, or nobody (empty). */
  origin(path: ConfigPath): string;
  /** It came with the file, so its relative paths start there. */
  fromFile(path: ConfigPath): boolean;
}

export type Texts = Readonly<Record<string, string | undefined>>;

/** Flags win over the environment, the environment over the file. `flags` is by flag name. */
export function mergeSources(file: YamlFile | null, environment: Texts, flags: Texts): MergedSources {
  const values = structuredClone(file?.values ?? {}) as Record<string, unknown>;
  const said: { readonly path: ConfigPath; readonly by: string }[] = [];
  const layers = [
    { by: environmentName, text: (flag: string) => environment[environmentName(flag)] },
    { by: (flag: string) => `--${flag}`, text: (flag: string) => flags[flag] },
  ];
  for (const layer of layers) {
    const ofLayer: typeof said = [];
    for (const { flag, path, read } of settings) {
      const text = layer.text(flag);
      if (text === undefined || text === '') continue;
      const by = layer.by(flag);
      const value = readOrRefuse(read, text, by);
      const both = ofLayer.some((entry) => entry.path.join('.') === path.join('.'));
      setIn(values, path, both ? [...(getIn(values, path) as unknown[]), ...(value as unknown[])] : value);
      ofLayer.push({ path, by });
    }
    said.unshift(...ofLayer.toReversed());
  }
  const sayer = (path: ConfigPath): string | undefined =>
    said.find((entry) => entry.path.every((step, index) => path[index] === step))?.by;
  return {
    values,
    origin: (path) => sayer(path) ?? file?.locate(path) ?? '',
    fromFile: (path) => file !== null && sayer(path) === undefined && getIn(file.values, path) !== undefined,
  };
}

function readOrRefuse(read: Setting['read'], text: string, by: string): unknown {
  try {
    return read(text);
  } catch (error) {
    throw new ConfigError([{ where: by, key: '', given: `'${text}'`, allowed: (error as Error).message }]);
  }
}

export function getIn(values: unknown, path: ConfigPath): unknown {
  let at = values;
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}

function setIn(values: Record<string, unknown>, path: ConfigPath, value: unknown): void {
  let at = values;
  for (const step of path.slice(0, -1)) {
    const below = at[step];
    // What stands in the way is no map: it stays wrong, and the schema says so unless everything in it is replaced.
    if (typeof below !== 'object' || below === null || Array.isArray(below)) at[step] = {};
    at = at[step] as Record<string, unknown>;
  }
  at[path[path.length - 1] as string] = value;
}
