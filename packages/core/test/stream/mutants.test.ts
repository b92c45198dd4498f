import t from 'tap';
import { mutants } from './mutants.ts';
import { wrongWith } from './trial.ts';

const SEEDS = 60;

for (const { name, rules, from } of mutants) {
  t.test(`noticed: ${name}`, (t) => {
    let wrong: string | null = null;
    for (let seed = from; seed < from + SEEDS && wrong === null; seed++) wrong = wrongWith(seed, rules, {});
    t.not(wrong, null);
    t.comment(wrong ?? 'nothing was found');
    t.end();
  });
}
