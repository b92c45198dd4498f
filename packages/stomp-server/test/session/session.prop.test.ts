import { deepStrictEqual, equal } from 'node:assert';
import { encodeText } from '@lockstep/kernel';
import fc from 'fast-check';
import t from 'tap';
import { encodeFrame, FrameParser, FrameWriter, StompError } from '../../src/codec/index.ts';
import { defaultStompLimits } from '../../src/session/limits.ts';
import { Session } from '../../src/session/session.ts';
import { InputBudget } from '../../src/input-budget.ts';
import { delivery, readFrames, SessionBench, summary } from './support.ts';
import type { Request } from '@lockstep/core';
import type { SessionId } from '@lockstep/kernel';
import type { ClientCommand, StompVersion } from '../../src/codec/index.ts';
import type { Headers } from './support.ts';

/** A session whose broker answers, and delivers three messages to each subscription, inside `submit`. */
function run(pieces: readonly Uint8Array[]): { asked: string[]; frames: string[] } {
  const id = 's-1' as SessionId;
  const writer = new FrameWriter();
  const asked: string[] = [];
  let position = 0;
  const submit = (request: Request): void => {
    asked.push(summary(request));
    if ('token' in request) session.effect({ type: 'reply', session: id, token: request.token, refusal: null });
    if (request.type !== 'subscribe') return;
    for (let i = 0; i < 3; i++) {
      const { subscription, destination } = request;
      session.effect(delivery(id, { subscription, destination, position: ++position }));
    }
  };
  const self = { server: 'lockstep/test', failover: () => '' };
  const budget = new InputBudget(Infinity);
  const session = new Session(id, self, defaultStompLimits, budget, writer, { opened() {}, submit });
  const parser = new FrameParser({ headerBytesMax: 4096, headersMax: 50, bodyBytesMax: 4096 });
  for (const piece of pieces) {
    parser.feed(piece);
    try {
      for (let frame = parser.next(); frame !== null; frame = parser.next()) {
        session.frame(frame);
        parser.version = session.version;
      }
    } catch (error) {
      if (!(error instanceof StompError)) throw error;
      session.malformed(error);
    }
  }
  const frames = readFrames(Buffer.concat(writer.take()), session.version);
  return { asked, frames };
}

const version = fc.constantFrom<StompVersion>('1.0', '1.1', '1.2');
const transaction = fc.constantFrom(...Array.from({ length: 9 }, () => ({})), { transaction: 't' });
const receipt = fc.constantFrom({}, { receipt: 'r:1' });
const messageId = fc.integer({ min: 1, max: 4 }).map(String);
const id = fc.oneof(fc.constantFrom('x', 'y'), fc.nat(40).map(String));
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ command: fc.constant('SEND'), own: fc.constant({ destination: '/queue/q', k: 'v\n:' }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      command: fc.constant('SUBSCRIBE'),
      own: fc.record({
        id,
        destination: fc.constant('/queue/q'),
        ack: fc.constantFrom('auto', 'client', 'client-individual'),
      }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      command: fc.constantFrom('ACK', 'NACK'),
      own: fc
        .tuple(messageId, id)
        .map(([message, subscription]) => ({ id: message, 'message-id': message, subscription })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      command: fc.constantFrom('BEGIN', 'COMMIT', 'ABORT'),
      own: fc.constant({ transaction: 't' }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      command: fc.constantFrom('UNSUBSCRIBE', 'DISCONNECT', 'MESSAGE'),
      own: id.map((name) => ({ id: name })),
    }),
  },
);

t.test('however the bytes are split, the same requests are made and the same frames written', async () => {
  let furthest = 0;
  fc.assert(
    fc.property(
      version,
      fc.array(fc.tuple(step, transaction, receipt), { minLength: 6, maxLength: 20 }),
      fc.constantFrom('', 'x:y\n', 'SEND\nbad\n\n\0', 'SEND\ndestination:a\ncontent-length:99\n\ncut'),
      fc.array(fc.nat(), { maxLength: 20 }),
      (accept, steps, tail, cuts) => {
        const subscribe = (name: string): Uint8Array => {
          const headers = Object.entries({ id: name, destination: '/queue/q', ack: 'client' });
          return encodeFrame({ command: 'SUBSCRIBE', headers, version: accept });
        };
        const parts = [
          encodeFrame({ command: 'CONNECT', headers: [['accept-version', accept]], version: accept }),
          subscribe('x'),
          subscribe('y'),
          encodeFrame({ command: 'BEGIN', headers: [['transaction', 't']], version: accept }),
        ];
        for (const [{ command, own }, inTransaction, wants] of steps) {
          const settles = command === 'SEND' || command === 'ACK' || command === 'NACK';
          const headers: Headers = { ...own, ...(settles ? inTransaction : {}), ...wants };
          const list = Object.entries(headers);
          const body = command === 'SEND' ? encodeText('body') : undefined;
          parts.push(encodeFrame({ command: command as ClientCommand, headers: list, body, version: accept }));
        }
        const bytes = Buffer.concat([...parts, encodeText(tail)]);
        const places = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
        const split = places.slice(1).map((place, i) => bytes.subarray(places[i], place));
        const whole = run([bytes]);
        furthest = Math.max(furthest, whole.asked.length);
        deepStrictEqual(run(split), whole);
        deepStrictEqual(run(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))), whole);
      },
    ),
    { numRuns: 150, seed: 1 },
  );
  t.ok(furthest > 8, 'some runs get far');
});

t.test('each delivery is settled once at most, and what the client acknowledged is', async () => {
  const act = fc.record({
    what: fc.constantFrom('deliver', 'deliver', 'ack', 'ack', 'begin', 'commit', 'abort'),
    which: fc.nat(30),
    inTransaction: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.constantFrom('client', 'client-individual'), fc.array(act, { maxLength: 60 }), (mode, acts) => {
      const bench = SessionBench.connected('1.2').client('SUBSCRIBE', { id: 's', destination: '/queue/a', ack: mode });
      bench.requests();
      // The model: what is held, what the open transaction has, what is settled.
      let held: number[] = [];
      let taken: number[] = [];
      const settled: number[] = [];
      const expected: number[] = [];
      let open = false;
      let next = 1;
      for (const { what, which, inTransaction } of acts) {
        if (what === 'deliver') {
          bench.deliver({ position: next });
          held.push(next);
          next += 1 + (which % 3);
        } else if (what === 'ack') {
          const known = [...held, ...settled];
          if (known.length === 0) continue;
          const position = known[which % known.length]!;
          const within = inTransaction && open;
          bench.client('ACK', { id: String(position), ...(within ? { transaction: 't' } : {}) });
          if (!held.includes(position)) continue;
          const acknowledged = mode === 'client' ? held.filter((one) => one <= position) : [position];
          held = held.filter((one) => !acknowledged.includes(one));
          if (within) taken.push(...acknowledged);
          else expected.push(...acknowledged);
        } else if (what === 'begin' && !open) {
          bench.client('BEGIN', { transaction: 't' });
          open = true;
        } else if (what !== 'begin' && open) {
          bench.client(what === 'commit' ? 'COMMIT' : 'ABORT', { transaction: 't' });
          if (what === 'commit') expected.push(...taken);
          else held = [...held, ...taken].sort((a, b) => a - b);
          taken = [];
          open = false;
        }
        for (const request of bench.requests()) {
          if (request.type === 'settle') settled.push(...request.settlement.tags);
          if (request.type === 'commit') settled.push(...request.settlements.flatMap(({ tags }) => tags));
        }
        deepStrictEqual(settled, expected);
      }
      equal(bench.session.isFinishing, false, 'nothing of this is an error');
    }),
    { numRuns: 150, seed: 1 },
  );
});
