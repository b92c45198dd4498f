import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Scenario } from './scenario.ts';

/** The texts lie beside the sources: `build/test/node` is three levels below the package. */
const folder = fileURLToPath(new URL('../../../test/node/scenarios/', import.meta.url));
const update = process.env['UPDATE'] === '1';

/** A file is a story: `# why`, then blocks of commands, `----`, what they print, an empty line. */
function play(text: string): string {
  const scenario = new Scenario();
  const blocks = text.trim().split(/\n\n+/);
  return blocks
    .map((block) => {
      if (!block.includes('----')) return `${block}\n`;
      const commands = block.slice(0, block.indexOf('----')).trimEnd();
      const output = commands.split('\n').map((line) => (line.startsWith('#') ? '' : scenario.command(line)));
      return `${commands}\n----\n${output.join('')}`;
    })
    .join('\n');
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
  t.test(basename(file, '.txt').replaceAll('-', ' '), (t) => {
    const wanted = readFileSync(`${folder}${file}`, 'utf8');
    const played = play(wanted);
    if (update) writeFileSync(`${folder}${file}`, played);
    t.equal(played, update ? played : wanted);
    t.end();
  });
}
