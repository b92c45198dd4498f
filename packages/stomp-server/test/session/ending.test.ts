import t from 'tap';
import { errorOf, SessionBench } from './support.ts';

t.test('DISCONNECT: its receipt comes when all that was asked before is answered', async () => {
  const bench = SessionBench.connected('1.2').client('SEND', { destination: '/queue/a', receipt: 'r1' });
  bench.client('SEND', { destination: '/queue/a' }).client('DISCONNECT', { receipt: 'bye' });
  bench.client('SEND', { destination: '/queue/late' });
  const requests = bench.requests();
  t.equal(requests.length, 2, 'nothing behind DISCONNECT is taken, and the session goes on until the replies');
  const reply = (token: number): void =>
    bench.session.effect({ type: 'reply', session: bench.id, token, refusal: null });
  reply(1);
  t.same(bench.written(), ['RECEIPT\nreceipt-id:r1']);
  t.notOk(bench.session.isOver);
  reply(2);
  t.same(bench.written(), ['RECEIPT\nreceipt-id:bye']);
  t.ok(bench.session.isOver);
  t.same(bench.asked(), ['endSession clean']);
});

t.test('DISCONNECT at rest, without a receipt', async () => {
  const bench = SessionBench.connected('1.2').client('DISCONNECT');
  t.same(bench.written(), []);
  t.same(bench.asked(), ['endSession clean']);
  bench.session.lost();
  t.same(bench.asked(), [], 'once');
});

t.test('a fault: what was asked before is answered first, what comes behind is not taken', async () => {
  const bench = SessionBench.connected('1.2').client('SEND', { destination: '/queue/a', receipt: 'r1' });
  bench.bytes(Buffer.from('SEND\nno colon\n\n\0SEND\ndestination:/queue/b\n\nx\0'));
  t.same(bench.written(), []);
  bench.deliver({ position: 1 });
  bench.answer();
  const frames = bench.written();
  t.equal(frames[0], 'RECEIPT\nreceipt-id:r1');
  t.equal(errorOf(frames), 'SEND: header line without a colon: no colon');
  t.equal(frames.length, 2);
  t.same(bench.asked(), ['endSession clean']);
});

t.test('of several refusals the first is told, after the receipts of what was done', async () => {
  const bench = SessionBench.connected('1.2');
  for (const receipt of ['a', 'b', 'c']) bench.client('SEND', { destination: `/queue/${receipt}`, receipt });
  const refusal = { code: 'store-full', message: 'full' } as const;
  for (const [token, outcome] of [
    [1, refusal],
    [2, null],
    [3, refusal],
  ] as const) {
    bench.session.effect({ type: 'reply', session: bench.id, token, refusal: outcome });
  }
  const frames = bench.written();
  t.equal(frames[0], 'RECEIPT\nreceipt-id:b');
  t.equal(errorOf(frames), 'SEND /queue/a: full');
  t.match(frames[1], /\nreceipt-id:a\n/);
  t.equal(frames.length, 2);
});

t.test('replies that do not come: the end does not wait for ever, and gives no false receipt', async () => {
  const bench = SessionBench.connected('1.2').client('SEND', { destination: '/queue/a', receipt: 'r1' });
  bench.client('DISCONNECT', { receipt: 'bye' });
  bench.requests();
  bench.session.finishNow();
  t.same(bench.written(), []);
  t.same(bench.asked(), ['endSession clean']);
});

t.test('a lost connection', async () => {
  const open = SessionBench.connected('1.2');
  open.session.lost();
  t.same(open.asked(), ['endSession lost']);
  const leaving = SessionBench.connected('1.2').client('SEND', { destination: '/queue/a' }).client('DISCONNECT');
  leaving.requests();
  leaving.session.lost();
  t.same(leaving.asked(), ['endSession clean'], 'after DISCONNECT nobody crashed');
  const stranger = new SessionBench();
  stranger.session.lost();
  t.same(stranger.asked(), [], 'never connected: the broker does not know it');
});

t.test('the end of the input', async () => {
  const cut = SessionBench.connected('1.2');
  cut.session.inputEnded(true);
  t.equal(errorOf(cut.written()), 'The stream ended inside a frame: no NUL');
  t.same(cut.asked(), ['endSession lost']);
  const pending = SessionBench.connected('1.2').client('SEND', { destination: '/queue/a', receipt: 'r' });
  pending.session.inputEnded(false);
  t.same(pending.answer().written(), ['RECEIPT\nreceipt-id:r']);
  t.same(pending.asked(), ['endSession lost']);
});

t.test('the broker ends the session: ERROR, and no endSession', async () => {
  const bench = SessionBench.connected('1.2');
  bench.session.effect({ type: 'closeSession', session: bench.id, code: 'slow-consumer', message: 'too slow' });
  t.equal(errorOf(bench.written()), 'too slow');
  t.ok(bench.session.isOver);
  t.same(bench.asked(), []);
});

t.test('an ERROR keeps to what clients can take', async () => {
  const bench = SessionBench.connected('1.2').client('BEGIN', { transaction: 'x'.repeat(5000) });
  bench.client('BEGIN', { transaction: 'x'.repeat(5000), receipt: 'r' });
  const frame = bench.written()[0]!;
  const message = /^message:(.*)$/m.exec(frame)![1]!;
  t.ok(Buffer.byteLength(message) <= 200);
  t.match(frame, /\ncontent-type:text\/plain\n/);
  const length = Number(/\ncontent-length:(\d+)\n/.exec(frame)![1]);
  t.equal(length, Buffer.byteLength(frame.slice(frame.indexOf('\n\n') + 2)));
});
