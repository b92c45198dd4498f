import fc from 'fast-check';
import t from 'tap';
import { GivenMessages } from '../../src/session/given-messages.ts';

t.test('up to its bound it says exactly what was given, in whatever order it came', async () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 80 }), (positions) => {
      const given = new GivenMessages();
      for (const position of positions) given.addPosition(position);
      for (let position = 1; position <= 61; position++) {
        t.equal(given.has(String(position)), positions.includes(position));
      }
    }),
    { numRuns: 100, seed: 1 },
  );
});

t.test('beyond it, never no for what was given, and still exact for what is recent', async () => {
  const given = new GivenMessages();
  const last = 100_000;
  for (let position = 2; position <= last; position += 2) given.addPosition(position);
  let denied = 0;
  for (let position = 2; position <= last; position += 2) if (!given.has(String(position))) denied++;
  t.equal(denied, 0);
  for (let position = last - 2001; position < last; position += 2) {
    if (given.has(String(position))) t.fail(`${position} was not given`);
  }
  t.notOk(given.has(String(last + 1)));
  t.notOk(given.has('1'));
});

t.test('messages without a position, by master and number', async () => {
  const given = new GivenMessages();
  given.addVolatile('v7-1');
  given.addVolatile('v7-2');
  given.addVolatile('v9-5');
  t.ok(given.has('v7-2'));
  t.notOk(given.has('v7-3'));
  t.notOk(given.has('v9-1'));
  t.notOk(given.has('v8-1'));
  t.notOk(given.has('2'));
  for (let opening = 10; opening < 40; opening++) given.addVolatile(`v${opening}-1`);
  t.ok(given.has('v7-1'), 'forgotten, so given the benefit of the doubt');
  t.ok(given.has('v39-1'));
});
