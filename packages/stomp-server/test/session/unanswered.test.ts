import t from 'tap';

import { UnansweredRequests } from '../../src/session/unanswered.ts';

t.test('each request is answered once, in whatever order the replies come', async (t) => {
  const requests = new UnansweredRequests();
  const tokens: number[] = [];
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 50; i++) tokens.push(requests.add('SEND', '/queue/a', `r${tokens.length}`, 3));
    // The newer half first; every seventh stays for the end.
    const due = tokens.map((_, i) => i).filter((i) => i >= round * 50 && i % 7 !== 0);
    for (const i of [...due.slice(20), ...due.slice(0, 20)]) {
      t.same(requests.answer(tokens[i]!)?.receipts, [`r${i}`]);
      t.equal(requests.answer(tokens[i]!), undefined, 'had its reply');
    }
  }
  t.equal(new Set(tokens).size, 2000);
  const left = tokens.map((_, i) => i).filter((i) => i % 7 === 0);
  t.equal(requests.count, left.length);
  t.equal(requests.bytes, left.length * 3);
  for (const i of left) t.same(requests.answer(tokens[i]!)?.receipts, [`r${i}`]);
  t.equal(requests.count, 0);
  t.equal(requests.bytes, 0);
  t.equal(requests.answer(tokens[0]!), undefined, 'forgotten');
});

t.test('a receipt lines up behind the latest request, while that one is under way', async (t) => {
  const requests = new UnansweredRequests();
  t.notOk(requests.lineUp('none'));
  const first = requests.add('SEND', '/queue/a', undefined, 0);
  const last = requests.add('ACK', '/queue/a', 'own', 0);
  t.ok(requests.lineUp('behind'));
  t.equal(requests.answer(first)?.receipts, null);
  t.same(requests.answer(last)?.receipts, ['own', 'behind']);
  t.notOk(requests.lineUp('late'));
});
