import t from 'tap';
import { InputBudget } from '../../src/input-budget.ts';
import { errorOf, SessionBench } from './support.ts';

const BODY = 'x'.repeat(10_000);
const inT = { transaction: 't' };

/** A transaction of two SENDs and an ACK, and another of one SEND. */
function begun(budget: InputBudget): SessionBench {
  const bench = SessionBench.connected('1.2', {}, budget);
  bench.client('SUBSCRIBE', { id: 's', destination: '/queue/a', ack: 'client-individual' }).answer();
  bench.deliver({ position: 11 }).client('BEGIN', inT).client('BEGIN', { transaction: 'u' });
  bench.client('SEND', { destination: '/queue/b', ...inT }, BODY).client('ACK', { id: '11', ...inT });
  bench.client('SEND', { destination: '/queue/b', ...inT }, BODY);
  bench.client('SEND', { destination: '/queue/b', transaction: 'u' }, BODY);
  bench.written();
  return bench;
}

const BOTH = { least: 30_000, most: 36_000 };
const ONE = { least: 10_000, most: 12_000 };
const NONE = { least: 0, most: 0 };

const WAYS_OUT: readonly (readonly [name: string, go: (bench: SessionBench) => unknown, left: typeof BOTH])[] = [
  ['none', () => {}, BOTH],
  ['COMMIT', (bench) => bench.client('COMMIT', inT), ONE],
  ['ABORT', (bench) => bench.client('ABORT', inT), ONE],
  ['COMMIT and ABORT', (bench) => bench.client('COMMIT', inT).client('ABORT', { transaction: 'u' }), NONE],
  ['ABORT, and a COMMIT of what is open no more', (bench) => bench.client('ABORT', inT).client('COMMIT', inT), NONE],
  [
    'a COMMIT that its broken transaction refuses',
    (bench) => bench.client('UNSUBSCRIBE', { id: 's' }).client('COMMIT', inT),
    NONE,
  ],
  [
    'a COMMIT that the broker refuses',
    (bench) => bench.client('COMMIT', inT).answer({ code: 'store-full', message: 'full' }),
    NONE,
  ],
  ['a fault in a frame', (bench) => bench.client('SEND', {}), NONE],
  ['a malformed stream', (bench) => bench.bytes(Buffer.from('SEND\nno colon\n\n\0')), NONE],
  [
    'a fault while replies are outstanding',
    (bench) => bench.client('SEND', { destination: '/queue/a' }).client('SEND', {}),
    NONE,
  ],
  ['DISCONNECT', (bench) => bench.client('DISCONNECT'), NONE],
  ['DISCONNECT, then the loss of the connection', (bench) => bench.client('DISCONNECT').session.lost(), NONE],
  ['the end of the input', (bench) => bench.session.inputEnded(false), NONE],
  ['the loss of the connection', (bench) => bench.session.lost(), NONE],
  ['abandon', (bench) => bench.session.abandon(), NONE],
  ['abandon, then the loss of the connection', (bench) => (bench.session.abandon(), bench.session.lost()), NONE],
  [
    'the broker closes the session',
    (bench) =>
      bench.session.effect({ type: 'closeSession', session: bench.id, code: 'slow-consumer', message: 'slow' }),
    NONE,
  ],
];

for (const [name, go, { least, most }] of WAYS_OUT) {
  t.test(`way out of a transaction: ${name}`, async (t) => {
    const budget = new InputBudget(1e9);
    const others = 12_345;
    budget.reserve(others);
    go(begun(budget));
    const left = budget.used - others;
    t.ok(left >= least && left <= most, `${left} bytes are still counted`);
  });
}

t.test('an empty transaction that is committed', async (t) => {
  const budget = new InputBudget(1e9);
  SessionBench.connected('1.2', {}, budget).client('BEGIN', inT).client('COMMIT', inT);
  t.equal(budget.used, 0);
});

t.test('a transaction is counted until the broker has been given what it holds', async (t) => {
  const budget = new InputBudget(1e9);
  const bench = begun(budget);
  const before = budget.used;
  let atSubmit = 0;
  bench.onRequest = () => {
    atSubmit = budget.used;
  };
  bench.client('COMMIT', inT);
  t.equal(atSubmit, before);
});

t.test('beyond the budget: one ERROR, and all that the session held is given back', async (t) => {
  const budget = new InputBudget(44_000);
  const bystander = begun(budget);
  const held = budget.used;
  const bench = SessionBench.connected('1.2', {}, budget).client('BEGIN', inT);
  const send = { destination: '/queue/b', receipt: 'r', ...inT };
  bench.client('SEND', send, 'small');
  t.same(bench.written(), ['RECEIPT\nreceipt-id:r']);
  bench.client('SEND', send, BODY);
  const frames = bench.written();
  const told = `SEND: this node holds \\d+ bytes of half-sent frames and open transactions, limits.halfSentBytes allows 44000; try again`;
  t.match(errorOf(frames), new RegExp(`^${told}$`));
  t.match(frames[0], /\nreceipt-id:r\n/);
  t.same(bench.asked(), ['endSession clean']);
  t.equal(budget.used, held);
  bystander.client('COMMIT', inT).client('COMMIT', { transaction: 'u' });
  t.equal(bystander.requests().length, 2, 'others go on');
  t.equal(budget.used, 0);
});

t.test('frames and transactions count, not their bytes alone', async (t) => {
  const budget = new InputBudget(100_000);
  const bench = SessionBench.connected('1.2', {}, budget).client('BEGIN', inT);
  for (let i = 0; i < 1000; i++) bench.client('SEND', { destination: '/queue/b', ...inT });
  t.match(errorOf(bench.written()), /limits.halfSentBytes/);
  const opener = SessionBench.connected('1.2', {}, budget);
  for (let i = 0; i < 20; i++) opener.client('BEGIN', { transaction: `${i}${'t'.repeat(10_000)}` });
  t.match(errorOf(opener.written()), /^BEGIN: .*limits.halfSentBytes/);
  t.equal(budget.used, 0);
});
