/** docs/stomp.md names a test for each clause: it must be there, and a test that is there for a clause must be named. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../../..');
const lines = readFileSync(join(root, 'docs/stomp.md'), 'utf8').split('\n');

/** The cells of the table rows that have that many of them. */
function rows(cells: number): string[][] {
  return lines
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter((row) => row.length === cells);
}

function titlesIn(file: string): ReadonlySet<string> {
  const source = readFileSync(join(root, file), 'utf8');
  const titles = [...source.matchAll(/^\s*t\.test\(\s*(['"])(.*?)\1,/gm)].map(([, , title = '']) => title);
  return new Set(titles);
}

const files = new Map(
  rows(2).flatMap(([name = '', link = '']): [string, string][] => {
    const file = /^\[([^\]]+)\]\(\.\.\/\1\)$/.exec(link)?.[1];
    return file === undefined ? [] : [[name.replaceAll('`', ''), file]];
  }),
);
const clauses = rows(4).filter(([clause]) => clause !== 'clause');
const cited = clauses.flatMap(([clause = '', , , tests = '']) =>
  tests.split('<br>').map((test) => ({ clause, test, match: /^`([a-z-]+)` (.+)$/.exec(test) })),
);

t.test('every clause cites tests, and they are there', (t) => {
  t.ok(clauses.length > 60 && files.size > 10, `${clauses.length} clauses, ${files.size} files`);
  const titles = new Map([...files].map(([name, file]) => [name, titlesIn(file)]));
  for (const { clause, test, match } of cited) {
    t.ok(match !== null && titles.get(match[1]!)?.has(match[2]!), `${clause}: ${test}`);
  }
  t.end();
});

t.test('every test of a clause is cited, and every file of the list', (t) => {
  const folder = 'packages/stomp-server/test/clauses';
  const names = new Set(cited.map(({ match }) => match?.[1]));
  const all = new Set(cited.map(({ match }) => match?.[2]));
  for (const file of readdirSync(join(root, folder)).filter((name) => name.endsWith('.test.ts'))) {
    for (const title of titlesIn(`${folder}/${file}`)) t.ok(all.has(title), `${file}: ${title}`);
  }
  for (const name of files.keys()) t.ok(names.has(name), name);
  t.end();
});
