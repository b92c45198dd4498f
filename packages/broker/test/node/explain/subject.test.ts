import t from 'tap';

import { parseSubject } from '../../../src/node/explain/subject.ts';
import { bytesText, listText, spanText } from '../../../src/node/explain/wording.ts';

t.test('destinations and message ids, as people write them', async (t) => {
  for (const [text, kind, name] of [
    ['/queue/orders', 'queue', '/queue/orders'],
    ['orders', 'queue', '/queue/orders'],
    ['/queue/12', 'queue', '/queue/12'],
    ['/amq/queue/a/b', 'queue', '/queue/a/b'],
    ['/dsub/x', 'queue', '/dsub/x'],
    ['/topic/t', 'topic', '/topic/t'],
    ['/exchange/amq.topic/k', 'topic', '/topic/k'],
    ['/temp-topic/t', 'topic', '/temp-topic/t'],
    ['/queue/größe von c', 'queue', '/queue/größe von c'],
  ] as const) {
    t.same(parseSubject(text), { kind, name }, text);
  }
  t.same(parseSubject('0012'), { kind: 'message', name: '12', position: 12 });
  t.same(parseSubject('v17-3'), { kind: 'message', name: 'v17-3', position: null });
  for (const text of [
    '',
    '/',
    '/queue/',
    '/queue',
    '/Queue/x',
    'a\nb',
    '/queue/\u0000',
    `/queue/${'x'.repeat(1100)}`,
  ]) {
    t.equal(parseSubject(text), null, JSON.stringify(text.slice(0, 20)));
  }
  t.same(parseSubject('9'.repeat(16)), { kind: 'queue', name: `/queue/${'9'.repeat(16)}` }, 'no position is so high');
});

t.test('spans, sizes and lists in words', async (t) => {
  const spans = [-1, 940, 9_999, 12_400, 119_000, 120_000, 7_199_000, 7_200_000];
  t.same(spans.map(spanText), ['0.0 s', '0.9 s', '10.0 s', '12 s', '119 s', '2 min', '120 min', '2 h']);
  t.same([0, 10_239, 10_240, 10 << 20].map(bytesText), ['0 bytes', '10239 bytes', '10 KiB', '10 MiB']);
  t.same([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listText), ['', 'a', 'a and b', 'a, b and c']);
});
