import { deepStrictEqual } from 'node:assert';

import { priorityMax } from '@lockstep/core';
import type { ConsumerAttributes, MasterMessage, MessageAttributes, NodeMessage } from '@lockstep/core';
import type { JournalPosition } from '@lockstep/kernel';
import { FrameReader } from '@lockstep/raft-log';
import { concat } from '@lockstep/testkit';
import fc from 'fast-check';
import t from 'tap';

import { FrameFields } from '../../../src/node/channel/frame-fields.ts';
import { FrameWriter } from '../../../src/node/channel/frame-writer.ts';
import {
  readMasterMessage,
  readNodeMessage,
  writeHello,
  writeMasterMessage,
  writeNodeMessage,
} from '../../../src/node/channel/message-codec.ts';

const natural = fc.oneof(
  fc.nat({ max: 300 }),
  fc.maxSafeNat(),
  fc.constantFrom(2 ** 28 - 1, 2 ** 28, 2 ** 35, Number.MAX_SAFE_INTEGER),
);
const text = fc.string({ unit: 'binary', maxLength: 40 });
/** Some of them beyond what is copied. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 50 }),
  fc.nat({ max: 20_000 }).map((length) => new Uint8Array(length).fill(length)),
);
const naturals = fc.array(natural, { maxLength: 8 });
const consumerAttributes = record<ConsumerAttributes>({
  priority: fc.integer(),
  exclusive: fc.boolean(),
  maxDeliveries: fc.option(fc.nat()),
});
const wish = {
  consumer: natural,
  destination: text,
  prefetchMessages: natural,
  prefetchBytes: natural,
  attributes: fc.option(consumerAttributes),
};
const groups = fc.array(
  record({
    consumer: natural,
    destination: text,
    outcome: fc.constantFrom('ack' as const, 'requeue', 'dead-letter', 'discard', 'return'),
    positions: naturals,
  }),
  { maxLength: 4 },
);
const commands = fc.array(bytes, { maxLength: 5 });
const sent = fc.array(fc.tuple(bytes, natural), { maxLength: 5 }).map((rows) => ({
  commands: rows.map(([command]) => command),
  sessions: rows.map(([, session]) => session),
}));
const topics = fc.array(record({ topic: text, consumers: natural }), { maxLength: 3 });
const attributes = record<MessageAttributes>({
  priority: fc.option(fc.nat({ max: priorityMax })),
  expiresAtMs: natural,
  ttlMs: fc.constant(0),
  group: text,
  groupSequence: fc.integer(),
  duplicateId: text,
  persistence: fc.constantFrom('yes', 'no', 'unsaid'),
  schedule: fc.option(record({ delayMs: natural, periodMs: natural, repeat: natural, cron: text })),
});
const published = {
  number: natural,
  destination: text,
  timestampMs: fc.double({ noNaN: true }),
  message: record({
    envelope: fc.nat({ max: 255 }),
    headerBlock: bytes,
    body: bytes,
    attributes: fc.option(attributes),
  }),
};

function record<Fields>(fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> }): fc.Arbitrary<Fields> {
  return fc.record(fields, { noNullPrototype: true });
}

function typed<Type extends string>(type: Type): fc.Arbitrary<Type> {
  return fc.constant(type);
}

const nodeMessage: fc.Arbitrary<NodeMessage> = fc.oneof(
  record({ type: typed('open'), run: text }),
  record({
    type: typed('attach'),
    epoch: natural,
    attachedAt: natural,
    consumers: fc.array(record({ ...wish, held: naturals }), { maxLength: 4 }),
    topics,
  }),
  fc
    .tuple(natural, natural, sent)
    .map(([number, over, columns]) => ({ type: 'propose' as const, number, over, ...columns })),
  record({ type: typed('settle'), number: natural, groups }),
  record({ type: typed('commit'), number: natural, session: natural, over: natural, commands, groups }),
  record({ type: typed('subscribe'), ...wish }),
  record({ type: typed('unsubscribe'), consumer: natural }),
  record({ type: typed('interest'), topic: text, consumers: natural }),
  record({ type: typed('release'), consumer: natural, positions: naturals }),
  record({ type: typed('publish'), ...published }),
  record({
    type: typed('undeliverable'),
    consumer: natural,
    position: natural.map((position) => position as JournalPosition),
    size: natural,
  }),
);

const refusal = record({
  code: fc.constantFrom(
    'store-full' as const,
    'overloaded',
    'no-such-message',
    'too-large',
    'bad-destination',
    'behind-refused',
  ),
  message: text,
});
const columns = fc.array(fc.tuple(natural, natural, natural, natural), { maxLength: 20 }).map((rows) => ({
  consumers: rows.map(([consumer]) => consumer),
  positions: rows.map(([, position]) => position),
  sizes: rows.map(([, , size]) => size),
  counts: rows.map(([, , , count]) => count),
}));

const masterMessage: fc.Arbitrary<MasterMessage> = fc.oneof(
  record({
    type: typed('attached'),
    applied: natural,
    number: natural,
    windowBytes: fc.oneof(natural, fc.constant(Infinity)),
    lapsed: fc.boolean(),
  }),
  record({ type: typed('stale') }),
  record({ type: typed('subscribed'), consumer: natural, refusal: fc.option(refusal) }),
  record({ type: typed('unsubscribed'), consumer: natural }),
  record({ type: typed('interested'), topic: text }),
  fc.tuple(natural, columns).map(([applied, rows]) => ({ type: 'deliver' as const, applied, ...rows })),
  record({ type: typed('publish'), epoch: natural, ...published }),
  record({ type: typed('published'), number: natural }),
  record({ type: typed('window'), bytes: natural, reason: text }),
);

/** What comes out at the other end of a stream that is cut at the given places. */
function frames(chunks: readonly Uint8Array[], cuts: readonly number[]): Uint8Array[] {
  const stream = concat([...chunks]);
  const reader = new FrameReader(1024 * 1024);
  const found: Uint8Array[] = [];
  const places = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].toSorted(
    (a, b) => a - b,
  );
  for (const [i, from] of places.entries()) {
    reader.push(stream.subarray(from, places[i + 1] ?? stream.length));
    for (let frame = reader.next(); frame !== null; frame = reader.next()) {
      if (frame === 'too-large') throw new Error('too large');
      found.push(frame);
    }
  }
  return found;
}

const cuts = fc.array(fc.nat(), { maxLength: 6 });

t.test('what a node says arrives as it was said, however the stream is cut', async (t) => {
  fc.assert(
    fc.property(fc.array(nodeMessage, { maxLength: 6 }), cuts, (messages, places) => {
      const out = new FrameWriter();
      for (const message of messages) writeNodeMessage(out, message);
      const read = frames(out.take(), places).map((frame) => readNodeMessage(new FrameFields(frame)));
      deepStrictEqual(read, messages);
    }),
  );
  t.pass();
});

t.test('and what the master says', async (t) => {
  fc.assert(
    fc.property(fc.array(masterMessage, { maxLength: 6 }), cuts, (messages, places) => {
      const out = new FrameWriter();
      for (const message of messages) writeMasterMessage(out, message);
      const read = frames(out.take(), places).map((frame) => readMasterMessage(new FrameFields(frame)));
      deepStrictEqual(read, messages);
    }),
  );
  t.pass();
});

t.test('what was taken is not written to again', async (t) => {
  const out = new FrameWriter();
  const taken: [before: Uint8Array, chunk: Uint8Array][] = [];
  for (let i = 0; i < 30; i++) {
    const commands = [new Uint8Array(3000).fill(i)];
    writeNodeMessage(out, { type: 'propose', number: i, over: 0, commands, sessions: [1] });
    for (const chunk of out.take()) taken.push([chunk.slice(), chunk]);
  }
  for (const [before, chunk] of taken) t.strictSame(chunk, before);
});

t.test(
  'a frame that is cut short, goes on too long, or holds anything at all is no message, and nothing throws',
  async (t) => {
    const hello = new FrameWriter();
    writeHello(hello, { node: 'a', run: 'r' });
    const [helloFrame] = frames(hello.take(), []);
    t.strictSame(readNodeMessage(new FrameFields(helloFrame!)), { type: 'hello', node: 'a', run: 'r' });
    t.equal(readNodeMessage(new FrameFields(Uint8Array.of(1, 9, 1, 65, 1, 65))), null, 'of another version');
    const uneven = new FrameWriter();
    writeNodeMessage(uneven, { type: 'propose', number: 1, over: 0, commands: [], sessions: [1] });
    t.equal(readNodeMessage(new FrameFields(frames(uneven.take(), [])[0]!)), null, 'columns of two lengths');
    fc.assert(
      fc.property(nodeMessage, masterMessage, fc.nat(), fc.nat({ max: 255 }), (fromNode, fromMaster, cut, byte) => {
        const out = new FrameWriter();
        writeNodeMessage(out, fromNode);
        writeMasterMessage(out, fromMaster);
        const [first, second] = frames(out.take(), []);
        for (const [frame, read] of [
          [first!, readNodeMessage],
          [second!, readMasterMessage],
        ] as const) {
          deepStrictEqual(read(new FrameFields(frame.subarray(0, cut % frame.length))), null);
          deepStrictEqual(read(new FrameFields(concat([frame, Uint8Array.of(byte)]))), null);
        }
      }),
    );
    fc.assert(
      fc.property(fc.nat({ max: 50 }), fc.uint8Array({ maxLength: 60 }), (type, rest) => {
        const frame = Uint8Array.of(type, ...rest);
        readNodeMessage(new FrameFields(frame));
        readMasterMessage(new FrameFields(frame));
      }),
    );
    t.pass();
  },
);
