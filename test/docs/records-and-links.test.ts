/** Documents that point somewhere must point at something; the index of decisions must list them all. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../../..');
const records = join(root, 'docs/adr');
const files = readdirSync(records)
  .filter((name) => /^\d{4}-.*\.md$/.test(name))
  .toSorted();

t.test('the index lists every decision record, once, in order, with its title and status', (t) => {
  const rows = readFileSync(join(records, 'README.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ['));
  const expected = files.map((file) => {
    const text = readFileSync(join(records, file), 'utf8');
    const title = /^# \d{4}: (.*)$/m.exec(text)?.[1] ?? `(no title in ${file})`;
    const status = /^Status: ([^,\n]*)/m.exec(text)?.[1] ?? `(no status in ${file})`;
    return `| [${file.slice(0, 4)}](${file}) | ${title} | ${status} |`;
  });
  t.same(rows, expected);
  t.ok(expected.length > 0);
  t.end();
});

t.test('decision records are numbered without gaps and have their four parts', (t) => {
  t.same(
    files.map((file) => file.slice(0, 4)),
    files.map((_, index) => String(index + 1).padStart(4, '0')),
  );
  for (const file of files) {
    const text = readFileSync(join(records, file), 'utf8');
    const parts = [/^Status: \w/m, /^## Context$/m, /^## Decision$/m, /^## Consequences$/m];
    t.same(
      parts.filter((part) => !part.test(text)),
      [],
      file,
    );
  }
  t.end();
});

/** What GitHub makes of a heading. */
function anchor(heading: string): string {
  const text = heading
    .replace(/`|\*|\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase();
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '');
}

function deadLinks(document: string): readonly string[] {
  const markdown = readFileSync(join(root, document), 'utf8');
  const dead: string[] = [];
  for (const [, target = ''] of withoutCode(markdown).matchAll(/\]\(([^)\s]+)(?:\s"[^"]*")?\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path = '', fragment] = target.split('#');
    const file = path === '' ? join(root, document) : join(root, dirname(document), path);
    if (!existsSync(file)) {
      dead.push(target);
    } else if (fragment !== undefined && file.endsWith('.md')) {
      const headings = readFileSync(file, 'utf8')
        .replace(/^```.*?^```/gms, '')
        .matchAll(/^#+ (.*)$/gm);
      if (![...headings].some(([, heading = '']) => anchor(heading) === fragment)) dead.push(target);
    }
  }
  return dead;
}

t.test('relative links lead somewhere', (t) => {
  const documents = [
    ...readdirSync(root).filter((name) => name.endsWith('.md')),
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  t.ok(documents.includes('CONTRIBUTING.md'));
  for (const document of documents) t.same(deadLinks(document), [], document);
  t.end();
});
