import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';

import { ConfigError } from './config-error.ts';

export type ConfigPath = readonly (string | number)[];

/** A configuration file that is well-formed YAML, with a map at its top. */
export interface YamlFile {
  readonly values: Readonly<Record<string, unknown>>;
  /** `NAME:LINE:COLUMN` of what stands at the path, or of the nearest thing above it; the file's name where there is none. */
  locate(path: ConfigPath): string;
}

/** @throws ConfigError with the place of each mistake. */
export function parseYamlFile(name: string, text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => ({
        where: placeOf(error.pos[0]),
        key: '',
        given: null,
        allowed: `not valid YAML: ${error.message}`,
      })),
    );
  }
  const values: unknown = document.toJS() ?? {};
  if (typeof values !== 'object' || Array.isArray(values)) {
    const allowed = 'must be a map of keys, as `node: a`';
    throw new ConfigError([{ where: placeOf(0), key: '', given: null, allowed }]);
  }
  return {
    values: values as Record<string, unknown>,
    locate(path) {
      const offset = offsetOf(document, path);
      return offset === null ? name : placeOf(offset);
    },
  };
}

/** Where the key of the last step stands; in a list, where the item begins. */
function offsetOf(document: Document, path: ConfigPath): number | null {
  if (path.length === 0) return null;
  const last = path[path.length - 1] as string | number;
  const above = path.slice(0, -1);
  const parent: unknown = above.length === 0 ? document.contents : document.getIn(above, true);
  if (isMap(parent)) {
    for (const { key } of parent.items) {
      if (isScalar(key) && String(key.value) === String(last)) return key.range?.[0] ?? null;
    }
  }
  const item: unknown = isNode(parent) ? document.getIn(path, true) : undefined;
  if (isNode(item)) return item.range?.[0] ?? null;
  return offsetOf(document, above);
}
