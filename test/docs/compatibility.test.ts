import { readFileSync } from 'node:fs';

import t from 'tap';

import { behaviours, columns, parse, render, sections, unexplained } from '../compatibility/index.ts';
import type { Outcomes } from '../compatibility/index.ts';

const page = readFileSync(new URL('../../../docs/compatibility.md', import.meta.url), 'utf8');

t.test(
  'docs/compatibility.md has every behaviour and note of the suite (`pnpm compatibility --write` writes it)',
  (t) => {
    const outcomes = parse(page);
    t.equal(render(sections, outcomes), page);
    for (const column of columns) {
      const missing = behaviours.filter(({ id }) => !outcomes[column].has(id));
      t.same(
        missing.map(({ id }) => id),
        [],
        `all of it was observed at ${column}`,
      );
    }
    t.same(
      unexplained(sections, outcomes).map(({ id }) => id),
      [],
      'a note explains each difference',
    );
    t.end();
  },
);

t.test('behaviours have names of their own', (t) => {
  t.equal(new Set(behaviours.map(({ id }) => id)).size, behaviours.length);
  t.end();
});

t.test('a difference that nothing explains is found; what a page says is read as it was written', (t) => {
  const observe = async (): Promise<string> => 'x';
  const own = [{ title: 'T', behaviours: ['a', 'b', 'c'].map((id) => ({ id, says: 'a | b', observe })) }];
  const outcomes: Outcomes = {
    Lockstep: new Map([
      ['a', 'x|y'],
      ['b', '`k:a\\cb`'],
    ]),
    ActiveMQ: new Map([
      ['a', 'x|y'],
      ['b', 'taken'],
    ]),
    RabbitMQ: new Map([['b', '`k:a\\cb`']]),
  };
  t.same(parse(render(own, outcomes)), outcomes);
  t.same(
    unexplained(own, outcomes).map(({ id }) => id),
    ['b'],
  );
  const noted = own.map((section) => ({
    ...section,
    behaviours: section.behaviours.map((one) => ({ ...one, note: 'because' })),
  }));
  t.same(unexplained(noted, outcomes), []);
  t.match(render(noted, outcomes), /because/);
  t.end();
});
