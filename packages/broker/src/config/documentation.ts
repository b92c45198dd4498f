import { settings, environmentName } from './sources.ts';
import { configJsonSchema } from './json-schema.ts';

/** What of JSON Schema the configuration uses. */
interface SchemaNode {
  readonly description?: string;
  readonly allowed?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

const INTRODUCTION = `# Configuration

Made from the schema by \`pnpm run docs\`; not to be changed by hand.

\`lockstep start --config FILE\` reads a YAML file. Flags win over environment variables, these over the file; without any of them
a node is a logical broker of one, for clients on this machine. \`lockstep check-config FILE\` says what is wrong with a file, and
where; \`lockstep schema\` prints its JSON Schema, for editors.

Sizes are numbers of bytes or texts as \`64MiB\` and \`10MB\`, times are numbers of milliseconds or texts as \`500ms\`, \`1s\` and \`5m\`.
Paths in the file start from its directory. An address without a host is on loopback.

\`\`\`yaml
broker: paris
node: a
data: ./data
listeners:
  - stomp: 127.0.0.1:61613
admin: 127.0.0.1:8161
cluster:
  members: { a: 127.0.0.1:61619, b: 127.0.0.1:61629, c: 127.0.0.1:61639 }
journal:
  fsync: always
\`\`\`
`;

/** `|` would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function defaultOf(node: SchemaNode): string {
  if (node.default === undefined) return '';
  return `\`${typeof node.default === 'string' ? node.default : JSON.stringify(node.default)}\``;
}

function table(properties: Readonly<Record<string, SchemaNode>>): string {
  const rows = Object.entries(properties).map(
    ([key, node]) =>
      `| \`${key}\` | ${cell(node.description ?? '')} | ${cell(node.allowed ?? '')} | ${defaultOf(node)} |`,
  );
  return ['| key | what it is | what is allowed | default |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function section(key: string, node: SchemaNode): string {
  const list = node.items?.properties;
  const title = list === undefined ? `## \`${key}\`` : `## \`${key}\`: a list of`;
  const about = node.description === undefined || node.description === '' ? [] : [node.description];
  return [title, ...about, table(list ?? node.properties ?? {})].join('\n\n');
}

/** The maps in a section, by their whole path. */
function withinSection(key: string, node: SchemaNode): readonly (readonly [string, SchemaNode])[] {
  const inner = Object.entries(node.properties ?? {}).filter(([, { properties }]) => properties !== undefined);
  return inner.map(([name, inside]) => [`${key}.${name}`, inside] as const);
}

function flagTable(): string {
  const rows = settings.map(
    ({ flag, path }) => `| \`--${flag}\` | \`${environmentName(flag)}\` | \`${path.join('.')}\` |`,
  );
  const anonymous = '| `--anonymous` | `LOCKSTEP_ANONYMOUS=true` | `anonymous` of every listener and of `admin` |';
  return ['| flag | variable | key |', '| --- | --- | --- |', ...rows, anonymous].join('\n');
}

/** `docs/configuration.md`, wholly. */
export function configurationDocument(): string {
  const top = (configJsonSchema() as SchemaNode).properties ?? {};
  const isSection = (node: SchemaNode): boolean => (node.properties ?? node.items?.properties) !== undefined;
  const plain = Object.fromEntries(Object.entries(top).filter(([, node]) => !isSection(node)));
  const sections = Object.entries(top)
    .filter(([, node]) => isSection(node))
    .flatMap(([key, node]) => [[key, node] as const, ...withinSection(key, node)]);
  return [
    INTRODUCTION,
    `## At the top\n\n${table(plain)}\n`,
    ...sections.map(([key, node]) => `${section(key, node)}\n`),
    `## Flags and environment\n\n${flagTable()}\n`,
  ].join('\n');
}
