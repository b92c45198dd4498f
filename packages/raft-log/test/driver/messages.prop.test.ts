import { encodeText } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import fc from 'fast-check';
import t from 'tap';

import { FrameReader } from '../../src/driver/peers/frames.ts';
import { parseHandshakeFrame } from '../../src/driver/peers/hello.ts';
import { decodeMessage, encodeMessage } from '../../src/driver/peers/messages.ts';
import type { PeerMessage } from '../../src/driver/peers/messages.ts';
import { makeEntry, parseRecords } from '../../src/driver/storage/index.ts';
import type { Configuration } from '../../src/node/configuration.ts';
import type { Entry } from '../../src/node/types.ts';

const from = 'a' as NodeId;
const to = 'b' as NodeId;

function records(bytes: Uint8Array): readonly Entry[] | null {
  try {
    return parseRecords(bytes);
  } catch {
    return null;
  }
}

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const standing = fc.constantFrom('voter' as const, 'abstaining' as const);
const base = { from: fc.constant(from), to: fc.constant(to), term: count };
const clusterId = fc.stringMatching(/^[0-9a-f]{32}$/);

/** `a`, `b` … by what each one is. */
const configuration: fc.Arbitrary<Configuration> = fc
  .record({
    roles: fc.array(fc.constantFrom('voter', 'learner', 'joining'), { maxLength: 6 }),
    outgoing: fc.subarray(['a', 'x', 'y'] as NodeId[]),
    port: fc.nat(65_535),
    level: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ roles, outgoing, port, level }) => {
    const ids = 'bcdefg'.split('') as NodeId[];
    const voters = ['a' as NodeId, ...ids.filter((_, at) => roles[at] === 'voter')];
    return {
      voters,
      votersOutgoing: outgoing,
      votersNext: [...voters, ...ids.filter((_, at) => roles[at] === 'joining')],
      learners: ids.filter((_, at) => roles[at] === 'learner' || roles[at] === 'joining'),
      witnesses: voters.slice(1),
      addresses: { a: `127.0.0.1:${port}` },
      level,
    };
  });

const append: fc.Arbitrary<PeerMessage> = fc
  .record({
    previousIndex: fc.nat(1e9),
    previousTerm: fc.nat(5),
    commitIndex: count,
    sizes: fc.array(fc.nat(40_000), { maxLength: 5 }),
  })
  .map(({ previousIndex, previousTerm, commitIndex, sizes }) => ({
    type: 'append',
    from,
    to,
    term: 9,
    previousIndex,
    previousTerm,
    commitIndex,
    entries: sizes.map((size, at) =>
      makeEntry(previousIndex + 1 + at, 5 + at / 5 < 6 ? 5 : 6, 1, new Uint8Array(size).fill(at)),
    ),
  }));

const reject = fc.option(fc.record({ previousIndex: count, hintIndex: count, hintTerm: count }), { nil: null });
const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  append,
  fc.record({ type: fc.constant('preVoteRequest' as const), ...base, lastIndex: count, lastTerm: count }),
  fc.record({ type: fc.constant('preVoteReply' as const), ...base, granted: fc.boolean() }),
  fc.record({
    type: fc.constant('voteRequest' as const),
    ...base,
    lastIndex: count,
    lastTerm: count,
    transfer: fc.boolean(),
  }),
  fc.record({ type: fc.constant('voteReply' as const), ...base, granted: fc.boolean() }),
  fc.record({ type: fc.constant('appendReply' as const), ...base, matchIndex: count, reject, standing }),
  fc.record({
    type: fc.constant('heartbeat' as const),
    ...base,
    commitIndex: count,
    round: count,
    admitIndex: fc.option(count, { nil: null }),
    releasedIndex: count,
  }),
  fc.record({ type: fc.constant('heartbeatReply' as const), ...base, round: count, standing }),
  fc.record({ type: fc.constant('timeoutNow' as const), ...base }),
  fc.record({
    type: fc.constant('shape' as const),
    ...base,
    index: count,
    shapeTerm: count,
    configuration: fc.record({ index: count, configuration }),
  }),
  fc.constant<PeerMessage>({ type: 'alive' }),
  fc.constant<PeerMessage>({ type: 'announce', state: 'blank', clusterId: null, configuration: null }),
  fc.record({
    type: fc.constant('announce' as const),
    state: fc.constant('founded' as const),
    clusterId,
    configuration: fc.option(fc.uint8Array({ maxLength: 100 }), { nil: null }),
  }),
  fc.record({
    type: fc.constant('prepare' as const),
    clusterId,
    witnesses: fc.array(fc.string({ maxLength: 64 }).map((id) => id as NodeId)),
  }),
  fc.record({ type: fc.constant('ask' as const), request: count, body: fc.uint8Array() }),
  fc.record({ type: fc.constant('answer' as const), request: count, body: fc.uint8Array() }),
  fc.record({ type: fc.constant('prepared' as const), clusterId }),
  fc.record({
    type: fc.constant('snapshotOffer' as const),
    term: count,
    index: count,
    snapshotTerm: count,
    bytes: count,
  }),
  fc.record({ type: fc.constant('snapshotWant' as const), index: count, offset: count }),
  fc.record({
    type: fc.constant('snapshotPiece' as const),
    index: count,
    offset: count,
    bytes: fc.uint8Array({ maxLength: 40_000 }),
  }),
  fc.record({ type: fc.constant('snapshotWorking' as const), index: count }),
  fc.record({ type: fc.constant('snapshotDone' as const), index: count, installed: fc.boolean() }),
  fc.record({ type: fc.constant('recordsWant' as const), request: count, from: count, to: count, bytesMax: count }),
  fc.record({
    type: fc.constant('records' as const),
    request: count,
    from: count,
    next: count,
    appliedIndex: count,
    lacking: fc.array(count, { maxLength: 5 }),
    checksum: count,
    bytes: fc.uint8Array({ maxLength: 100 }),
  }),
);

/** Bytes compare as bytes, whatever class of array they came in. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

t.test('every message comes out as it went in, however the stream is cut', async (t) => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 30_000 })),
      (sent, cuts) => {
        const stream = Buffer.concat(sent.flatMap((one) => encodeMessage(one)));
        const reader = new FrameReader(1_000_000);
        const got: unknown[] = [];
        for (let at = 0; at < stream.length;) {
          const take = cuts.next().value as number;
          reader.push(stream.subarray(at, at + take));
          at += take;
          for (let frame = reader.next(); frame !== null; frame = reader.next()) {
            if (frame === 'too-large') return false;
            const decoded = decodeMessage(frame, from, to, records);
            if (decoded === null) return false;
            got.push(plain(decoded));
          }
        }
        t.same(got, sent.map(plain));
        return got.length === sent.length;
      },
    ),
    { numRuns: 150 },
  );
});

t.test(
  'damaged messages and handshake frames are refused or read as something else, but never thrown about',
  async (t) => {
    const damage = fc.record({ at: fc.nat(), bit: fc.nat(7), cut: fc.nat() });
    fc.assert(
      fc.property(message, damage, (sent, { at, bit, cut }) => {
        const bytes = Buffer.concat(encodeMessage(sent)).subarray(4);
        const damaged = Uint8Array.from(bytes);
        const place = at % damaged.length;
        damaged[place] = (damaged[place] ?? 0) ^ (1 << bit);
        const whole = decodeMessage(damaged, from, to, records);
        // Of an append no byte of a record may differ.
        if (whole?.type === 'append' && sent.type === 'append') {
          for (const [index, entry] of whole.entries.entries()) t.same(entry.record, sent.entries[index]?.record);
        }
        decodeMessage(damaged.subarray(0, cut % damaged.length), from, to, records);
        parseHandshakeFrame(damaged, 2);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        decodeMessage(bytes, from, to, records);
        parseHandshakeFrame(bytes, 2);
        parseHandshakeFrame(Uint8Array.from([...encodeText('\u0001LKSP'), 0, 1, ...bytes]), 2);
        parseHandshakeFrame(Uint8Array.from([...encodeText('\u0001LKSP'), 0, 2, ...bytes]), 2);
      }),
      { numRuns: 500 },
    );
    t.pass();
  },
);

t.test('entries that no leader sends are refused', async (t) => {
  const made = { type: 'append', from, to, term: 3, previousIndex: 5, previousTerm: 2, commitIndex: 0 } as const;
  const send = (...entries: Entry[]): PeerMessage | null =>
    decodeMessage(Buffer.concat(encodeMessage({ ...made, entries })).subarray(4), from, to, records);
  const body = new Uint8Array(3);
  t.ok(send(makeEntry(6, 2, 1, body), makeEntry(7, 3, 1, body)));
  t.equal(send(makeEntry(7, 2, 1, body)), null, 'a hole');
  t.equal(send(makeEntry(6, 1, 1, body)), null, 'a term that falls');
  t.equal(send(makeEntry(6, 4, 1, body)), null, "a term beyond the leader's");
});
