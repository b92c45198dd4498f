import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';
import { ByteReader } from '../../src/commands/byte-reader.ts';
import { ByteWriter } from '../../src/commands/byte-writer.ts';
import { DestinationNames } from '../../src/commands/destination-names.ts';
import { writeSettleHead, writeSettlementGroup } from '../../src/commands/encoder.ts';
import { innerTypeAt } from '../../src/commands/streamed.ts';
import { readSettlements } from '../../src/commands/settlements-reader.ts';
import { Broker, defaultBrokerOptions } from '../../src/index.ts';
import {
  Bench,
  deliveries,
  newMessage,
  noRecords,
  RecordSet,
  send,
  session,
  settle,
  subscribe,
  tags,
} from '../support/test-bench.ts';

t.test('numbers come back as they went in, up to the greatest', async (t) => {
  const out = new ByteWriter(64);
  const numbers = [
    0,
    1,
    127,
    128,
    16_383,
    16_384,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 31,
    2 ** 32 + 5,
    1_790_000_000_123,
    Number.MAX_SAFE_INTEGER,
  ];
  const signed = [0, -1, 1, -64, 64, -(2 ** 40), 2 ** 40];
  for (const number of numbers) out.number(number);
  for (const number of signed) out.signed(number);
  const input = new ByteReader();
  input.start(out.view(0, out.length));
  t.same(
    numbers.map(() => input.number()),
    numbers,
  );
  t.same(
    signed.map(() => input.signed()),
    signed,
  );
  t.equal(input.at, input.end);
});

t.test('settlements come back in their order, and consecutive ones cost next to nothing', async (t) => {
  const names = new DestinationNames();
  const out = new ByteWriter(64);
  const scattered = [7, 9, 8, 1_000_000, 3];
  const thousand = Array.from({ length: 1000 }, (_, i) => 5_000_000 + i);
  writeSettlementGroup(out, names.bytesOf('/queue/a'), 1, scattered, 0, scattered.length);
  const before = out.length;
  writeSettlementGroup(out, names.bytesOf('/queue/b'), 0, thousand, 0, thousand.length);
  t.ok(out.length - before < 30);
  const input = new ByteReader();
  input.start(out.view(0, out.length));
  const groups: [string, number, number[]][] = [];
  readSettlements(input, names, {
    group: (queue, outcome) => groups.push([queue, outcome, []]),
    position: (position) => groups.at(-1)![2].push(position),
  });
  t.same(groups, [
    ['/queue/a', 1, scattered],
    ['/queue/b', 0, thousand],
  ]);
});

t.test('a command of an unknown version or type, or cut short, stops the replica and says why', async (t) => {
  const apply = (...bytes: number[]) =>
    new Broker(defaultBrokerOptions).apply(9 as JournalPosition, Uint8Array.from(bytes), noRecords, []);
  t.throws(() => apply(1, 2), { name: 'AssertionError', message: 'the command at 9 has the unknown version 1' });
  t.throws(() => apply(2, 77), { name: 'AssertionError', message: 'the command at 9 has the unknown type 77' });
  t.throws(() => apply(2), { name: 'AssertionError' });
  t.throws(() => apply(2, 2, 0, 5, 200), { name: 'AssertionError' });
  t.throws(() => apply(2, 3, 1, 65, 9, 1, 2, 0), { name: 'AssertionError', message: /unknown outcome 9/ });
  t.throws(() => apply(2, 5, 1), { name: 'AssertionError', message: /1 parts, 0 came/ });
});

t.test('a replica refuses a command that comes twice', async (t) => {
  const bench = new Bench();
  bench.do(send('p', '/queue/q', 'x'));
  const { position, bytes } = bench.log.commands[1]!;
  t.throws(() => bench.broker.apply(position as JournalPosition, bytes, noRecords, []), /comes after/);
});

t.test('a transaction that settles what is no longer live does nothing at all, on any replica', async (t) => {
  const bench = new Bench();
  bench.do(subscribe('c', 1, '/queue/q'), send('p', '/queue/q', '1'), send('p', '/queue/q', '2'));
  const [first, second] = [...bench.records.positions];
  const commit = { session: session('c'), sends: [{ destination: '/queue/r', message: newMessage('new') }] };
  bench.ask({ ...commit, type: 'commit', settlements: [{ subscription: 1, outcome: 'ack', tags: [first!, second!] }] });
  // What no master of this version proposes: the same message is settled just before.
  const names = new DestinationNames();
  const out = new ByteWriter(64);
  writeSettleHead(out);
  writeSettlementGroup(out, names.bytesOf('/queue/q'), 0, [first!], 0, 1);
  const replica = new Broker(bench.options);
  const records = new RecordSet();
  const [part, end] = bench.log.commands.slice(-2);
  for (const { position, bytes } of bench.log.commands.slice(0, -2)) {
    replica.apply(position as JournalPosition, bytes, records, []);
  }
  const next = part!.position;
  replica.apply(next as JournalPosition, out.view(0, out.length), records, []);
  replica.apply((next + 1) as JournalPosition, part!.bytes, records, []);
  replica.apply((next + 2) as JournalPosition, end!.bytes, records, []);
  t.same(
    replica
      .queues()
      .filter(({ depth }) => depth > 0)
      .map(({ name, depth }) => [name, depth]),
    [['/queue/q', 1]],
  );
  t.same([...records.positions], [second], 'the record of its part is not needed any more');
});

t.test('settlements of a refused transaction are with their consumer again, or ready when it is gone', async (t) => {
  for (const gone of [false, true]) {
    const bench = new Bench();
    bench.do(subscribe('c', 1, '/queue/q', 2), subscribe('d', 1, '/queue/q', 1));
    const given = bench.do(...['1', '2', '3'].map((body) => send('p', '/queue/q', body)));
    t.same(deliveries(given), ['c/1 1', 'd/1 2', 'c/1 3']);
    const [one, two, three] = tags(given);
    bench.ask({
      type: 'commit',
      session: session('c'),
      sends: [],
      settlements: [{ subscription: 1, outcome: 'ack', tags: [one!, three!] }],
    });
    // The end as it would be if one of its messages had gone.
    const names = new DestinationNames();
    const out = new ByteWriter(64);
    const [last] = bench.log.commands.splice(-1);
    out.raw(last!.bytes.subarray(0, innerTypeAt(last!.bytes) + 1));
    out.number(0);
    writeSettlementGroup(out, names.bytesOf('/queue/q'), 0, [one!, three!, 99], 0, 3);
    bench.log.commands.push({ position: last!.position, bytes: out.view(0, out.length).slice() });
    if (gone) {
      bench.ask({ type: 'endSession', session: session('c'), how: 'clean' });
      bench.rest();
      t.same(deliveries(bench.do(settle('d', 1, 'ack', [two!]))), ['d/1 1 again']);
    } else {
      t.match(bench.apply()[0], { type: 'reply', refusal: { code: 'no-such-message' } });
      t.same(deliveries(bench.do(send('p', '/queue/q', '4'))), [], 'the window is full again');
      t.same(deliveries(bench.do(settle('c', 1, 'ack', [one!]))), ['c/1 4'], 'and it may be settled again');
    }
  }
});
