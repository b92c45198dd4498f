/** The package graph as `docs/architecture.md` draws it, read from what really holds it: manifests and tsconfigs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../../..');

/** What each package may import, besides what is not ours. */
const graph: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  testkit: ['kernel'],
  core: ['kernel'],
  'stomp-server': ['kernel', 'core'],
  'raft-log': ['kernel'],
  federation: ['kernel', 'core', 'stomp-server'],
  broker: ['kernel', 'core', 'stomp-server', 'raft-log', 'federation'],
};

/** Everything else that a package shows of itself. */
const subpaths: Readonly<Record<string, readonly string[]>> = {
  'stomp-server': ['./codec'],
  'raft-log': ['./care', './trials'],
};

/** Projects in which neither `setTimeout` nor `Buffer` nor `process` may compile. */
const pureProjects = ['kernel/src', 'core/src', 'raft-log/src/node', 'federation/src'];

interface Manifest {
  readonly name: string;
  readonly private: boolean;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Project {
  readonly compilerOptions?: { readonly types?: readonly string[]; readonly lib?: readonly string[] };
  readonly references?: readonly { readonly path: string }[];
}

function read<T>(path: string): T {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
}

t.test('every package is in the graph, and the graph has no cycle', (t) => {
  t.same(new Set(readdirSync(join(root, 'packages'))), new Set(Object.keys(graph)));
  const settled = new Set<string>();
  for (let rounds = Object.keys(graph).length; rounds > 0; rounds -= 1) {
    for (const [name, imports] of Object.entries(graph)) {
      if (imports.every((other) => settled.has(other))) settled.add(name);
    }
  }
  t.equal(settled.size, Object.keys(graph).length);
  t.end();
});

for (const [name, allowed] of Object.entries(graph)) {
  t.test(`${name} depends on ${allowed.join(', ') || 'nothing'}`, (t) => {
    const manifest = read<Manifest>(`packages/${name}/package.json`);
    const ours = Object.keys(manifest.dependencies ?? {}).filter((other) => other.startsWith('@lockstep/'));
    t.same(
      ours.filter((other) => !allowed.includes(other.slice('@lockstep/'.length))),
      [],
      'dependencies',
    );
    t.same(Object.keys(manifest.exports), ['.', ...(subpaths[name] ?? [])], 'exports, without deep paths');
    const projects = [`packages/${name}/src`, `packages/${name}/src/node`].filter((path) =>
      existsSync(join(root, path, 'tsconfig.json')),
    );
    for (const project of projects) {
      const { references = [] } = read<Project>(`${project}/tsconfig.json`);
      const referenced = references
        .map(({ path }) => relative(join(root, 'packages'), resolve(root, project, path)).split('/')[0] ?? '')
        .filter((other) => other !== name && !allowed.includes(other));
      t.same(referenced, [], `references of ${project}`);
    }
    t.end();
  });
}

t.test('pure projects see no Node types and no DOM', (t) => {
  const base = read<Project>('tsconfig.base.json');
  for (const project of pureProjects) {
    const { compilerOptions = {} } = read<Project>(`packages/${project}/tsconfig.json`);
    t.same(compilerOptions.types ?? base.compilerOptions?.types, [], `types of ${project}`);
    t.same(compilerOptions.lib ?? base.compilerOptions?.lib, ['es2023'], `lib of ${project}`);
  }
  t.end();
});

t.test('every project is built from the root', (t) => {
  const { references = [] } = read<Project>('tsconfig.json');
  const built = new Set(references.map(({ path }) => path));
  const missing = readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === 'tsconfig.json' && !path.includes('node_modules'))
    .map((path) => `packages/${dirname(path)}`)
    .filter((path) => !built.has(path));
  t.same(missing, []);
  t.end();
});
