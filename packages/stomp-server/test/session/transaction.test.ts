import t from 'tap';
import { errorOf, SessionBench } from './support.ts';
import type { StompLimits } from '../../src/session/limits.ts';

function begun(mode = 'client-individual', limits: Partial<StompLimits> = {}): SessionBench {
  const bench = SessionBench.connected('1.2', limits).client('SUBSCRIBE', {
    id: 's',
    destination: '/queue/a',
    ack: mode,
  });
  for (const position of [11, 12, 13]) bench.deliver({ position });
  bench.client('BEGIN', { transaction: 't' });
  bench.answer();
  bench.written();
  return bench;
}
const inT = { transaction: 't' };

t.test('receipts inside a transaction come at once, that of COMMIT with its reply', async () => {
  const bench = begun();
  bench.client('SEND', { destination: '/queue/b', receipt: 'r1', ...inT }, 'one');
  bench.client('ACK', { id: '11', receipt: 'r2', ...inT });
  bench.client('NACK', { id: '12', receipt: 'r3', ...inT });
  bench.client('SEND', { destination: '/topic/c', ...inT }, 'two');
  t.same(bench.written(), ['RECEIPT\nreceipt-id:r1', 'RECEIPT\nreceipt-id:r2', 'RECEIPT\nreceipt-id:r3']);
  t.same(bench.asked(), [], 'nothing has taken effect');
  bench.client('COMMIT', { receipt: 'r4', ...inT });
  t.same(bench.written(), []);
  const [commit] = bench.requests();
  t.match(commit, {
    type: 'commit',
    settlements: [
      { subscription: 1, outcome: 'ack', tags: [11] },
      { subscription: 1, outcome: 'requeue', tags: [12] },
    ],
  });
  t.ok(commit !== undefined && commit.type === 'commit');
  if (commit === undefined || commit.type !== 'commit') return;
  t.same(
    commit.sends.map(({ destination }) => destination),
    ['/queue/b', '/topic/c'],
  );
  bench.session.effect({ type: 'reply', session: bench.id, token: commit.token, refusal: null });
  t.same(bench.written(), ['RECEIPT\nreceipt-id:r4']);
  bench.client('ACK', { id: '11' });
  t.same(bench.asked(), [], 'settled by the commit');
});

t.test('a message in a transaction does not change when the bytes it came in are used again', async () => {
  const bench = begun();
  const bytes = Buffer.from('SEND\ndestination:/queue/b\ntransaction:t\nuser:1\n\nbody\0');
  bench.bytes(bytes);
  bytes.fill(0x78);
  t.same(bench.client('COMMIT', inT).asked(), ['commit [/queue/b body] []']);
});

t.test('ABORT: what was acknowledged in it is still held, in its old place', async () => {
  const bench = begun('client').client('ACK', { id: '12', ...inT });
  bench.deliver({ position: 14 });
  bench.client('ABORT', { receipt: 'r', ...inT });
  t.equal(bench.written().at(-1), 'RECEIPT\nreceipt-id:r');
  t.same(bench.asked(), []);
  t.same(bench.client('ACK', { id: '11' }).asked(), ['settle 1 ack 11']);
  t.same(bench.client('ACK', { id: '14' }).asked(), ['settle 1 ack 12,13,14']);
});

t.test('transactions aborted one after the other: each message is in its old place', async () => {
  const bench = begun('client').client('BEGIN', { transaction: 'u' });
  bench.client('ACK', { id: '11', ...inT }).client('ACK', { id: '12', transaction: 'u' });
  bench.client('ABORT', inT).client('ABORT', { transaction: 'u' });
  t.same(bench.client('ACK', { id: '11' }).asked(), ['settle 1 ack 11']);
  t.same(bench.client('ACK', { id: '13' }).asked(), ['settle 1 ack 12,13']);
});

t.test('ABORT forgets the sends', async () => {
  const bench = begun()
    .client('SEND', { destination: '/queue/b', ...inT })
    .client('ABORT', inT);
  t.same(bench.asked(), []);
  t.equal(errorOf(bench.client('COMMIT', inT).written()), 'COMMIT: unknown transaction t');
});

t.test('a cumulative ACK passes over what a transaction has', async () => {
  const bench = begun('client').client('ACK', { id: '11', ...inT });
  t.same(bench.client('ACK', { id: '13' }).asked(), ['settle 1 ack 12,13']);
  t.same(bench.client('COMMIT', inT).asked(), ['commit [] [1 ack 11]']);
});

t.test('a message can be settled in one open transaction only', async () => {
  const again = begun()
    .client('ACK', { id: '11', ...inT })
    .client('ACK', { id: '11', receipt: 'r', ...inT });
  t.same(again.written(), ['RECEIPT\nreceipt-id:r'], 'twice in the same: once');
  t.same(again.client('COMMIT', inT).asked(), ['commit [] [1 ack 11]']);
  const outside = begun()
    .client('ACK', { id: '11', ...inT })
    .client('ACK', { id: '11' });
  t.equal(errorOf(outside.written()), 'ACK: message 11 is already settled in transaction t, which is open');
  t.same(outside.asked(), ['endSession clean']);
});

t.test('a subscription that ends takes its messages out of reach of COMMIT', async () => {
  const bench = begun()
    .client('ACK', { id: '11', ...inT })
    .client('UNSUBSCRIBE', { id: 's' });
  bench.answer();
  bench.client('COMMIT', inT);
  t.equal(errorOf(bench.written()), 'COMMIT: messages acknowledged in t went back when subscription s ended');
  const aborted = begun()
    .client('ACK', { id: '11', ...inT })
    .client('UNSUBSCRIBE', { id: 's' });
  aborted.client('ABORT', inT).client('ACK', { id: '11' });
  t.same(aborted.asked(), ['unsubscribe 1']);
});

t.test('unknown, doubled and missing transactions', async () => {
  for (const [command, headers] of [
    ['SEND', { destination: '/queue/a', transaction: 'u' }],
    ['ACK', { id: '11', transaction: 'u' }],
    ['NACK', { id: '11', transaction: 'u' }],
    ['COMMIT', { transaction: 'u' }],
    ['ABORT', { transaction: 'u' }],
  ] as const) {
    const bench = begun().client(command, headers);
    t.equal(errorOf(bench.written()), `${command}: unknown transaction u`);
    t.same(bench.asked(), ['endSession clean']);
  }
  t.equal(errorOf(begun().client('BEGIN', inT).written()), 'BEGIN: transaction t is already open');
  t.equal(errorOf(begun().client('BEGIN', {}).written()), 'BEGIN: missing header transaction');
  t.equal(errorOf(begun().client('COMMIT', {}).written()), 'COMMIT: missing header transaction');
});

t.test('an empty transaction asks nothing of the broker', async () => {
  const bench = begun().client('COMMIT', { receipt: 'r', ...inT });
  t.same(bench.written(), ['RECEIPT\nreceipt-id:r']);
  t.same(bench.asked(), []);
});

t.test('a refused COMMIT is an ERROR', async () => {
  const bench = begun()
    .client('ACK', { id: '11', ...inT })
    .client('COMMIT', { receipt: 'r', ...inT });
  bench.answer({ code: 'no-such-message', message: 'message 11 is no longer held' });
  const frames = bench.written();
  t.equal(errorOf(frames), 'COMMIT transaction t: message 11 is no longer held');
  t.match(frames[0], /\nreceipt-id:r\n/);
});

t.test('limits on open transactions, frames and bytes', async () => {
  const many = begun('client', { transactions: 2 }).client('BEGIN', { transaction: 'u' });
  t.notOk(many.session.isFinishing);
  const tooMany = many.client('BEGIN', { transaction: 'w' });
  t.equal(errorOf(tooMany.written()), 'BEGIN: more than 2 open transactions on one connection');
  const long = begun('client', { transactionFrames: 1 })
    .client('ACK', { id: '11', ...inT })
    .client('ACK', { id: '12', ...inT });
  t.equal(errorOf(long.written()), 'ACK: more than 1 frames in transaction t');
  const big = begun('client', { transactionBytes: 10 }).client(
    'SEND',
    { destination: '/queue/b', ...inT },
    '1234567890',
  );
  t.notOk(big.session.isFinishing);
  big.client('BEGIN', { transaction: 'u' }).client('SEND', { destination: '/queue/b', transaction: 'u' }, '1');
  t.equal(errorOf(big.written()), 'SEND: more than 10 bytes in open transactions, with u');
  t.same(big.asked(), ['endSession clean']);
  const freed = begun('client', { transactionBytes: 10 }).client(
    'SEND',
    { destination: '/queue/b', ...inT },
    '1234567890',
  );
  freed
    .client('ABORT', inT)
    .client('BEGIN', inT)
    .client('SEND', { destination: '/queue/b', ...inT }, '1234567890');
  t.notOk(freed.session.isFinishing);
});
