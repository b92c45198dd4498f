import t from 'tap';

import { parseNodeLine, showNodeLine } from '../../src/cluster/log-lines.ts';

t.test('a line of the log, and what of it is shown', (t) => {
  const line = parseNodeLine(
    '{"level":"warn","time":"2026","broker":"p","node":"a","peer":"c","why":null,"n":3,"msg":"lost sight"}',
  );
  t.strictSame(line, { level: 'warn', message: 'lost sight', fields: { peer: 'c', why: null, n: 3 } });
  t.equal(showNodeLine(line!), 'lost sight (peer c, n 3)');
  t.equal(showNodeLine({ level: 'warn', message: 'm', fields: {} }), 'm');
  t.end();
});

t.test('other lines are none of it', (t) => {
  for (const text of ['', 'lockstep: no', '{', '{"level":1,"msg":"x"}', '{"level":"info"}']) {
    t.equal(parseNodeLine(text), null, text);
  }
  t.end();
});
