import t from 'tap';
import { EndedIds } from '../../src/session/ended-ids.ts';

t.test('exact for a few ids; for very many never no for one that was there', async (t) => {
  const ids = new EndedIds();
  t.notOk(ids.has('a'));
  for (let round = 0; round < 10_000; round++) ids.add('a');
  t.ok(ids.has('a'));
  t.notOk(ids.has('b'), 'the same one again and again costs nothing');
  for (let i = 0; i < 1000; i++) ids.add(`s-${i}`);
  t.ok(ids.has('s-999'));
  t.notOk(ids.has('s-1000'));
  for (let i = 0; i < 10_000; i++) ids.add(`t-${i}`);
  for (const id of ['a', 's-0', 't-0', 't-9999']) t.ok(ids.has(id), id);
});

t.test('a huge id', async (t) => {
  const ids = new EndedIds();
  ids.add('a'.repeat(1_000_000));
  t.ok(ids.has('a'.repeat(1_000_000)));
});
