/** The short form of `pnpm fuzz`, and every input that once found something. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { parseCase, printCase } from './corpus.ts';
import { faultOf, minimise, replayed, sourceOf } from './fuzz-case.ts';
import { FuzzServer } from './fuzz-server.ts';
import type { FrameSource } from './fuzz-server.ts';

const corpus = new URL('../../fuzz/corpus/', import.meta.url);

t.test('whatever is sent: no throw, one ERROR at most and a close, bounded memory, others undisturbed', (t) => {
  const server = new FuzzServer();
  let frames = 0;
  let errors = 0;
  let receipts = 0;
  let messages = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const result = server.run(seed, sourceOf(seed, []));
    frames += result.sent;
    receipts += result.receipts.length;
    messages += result.messages;
    if (result.error !== null) errors++;
  }
  t.ok(frames > 40_000 && receipts > 6000 && messages > 2000 && errors > 1000, `${frames} frames get far`);
  t.comment(`${frames} frames, ${receipts} receipts, ${messages} messages, ${errors} errors`);
  t.end();
});

t.test('inputs that once found something', (t) => {
  const server = new FuzzServer();
  for (const file of readdirSync(corpus)) {
    const fuzzCase = parseCase(readFileSync(new URL(file, corpus), 'utf8'));
    t.equal(faultOf(server, fuzzCase), null, file);
  }
  t.end();
});

t.test('a case is printed and read back, and is the same run', (t) => {
  const frames: Uint8Array[] = [];
  const first = new FuzzServer().run(17, sourceOf(17, frames));
  const read = parseCase(printCase({ seed: 17, frames }));
  t.equal(read.frames.length, frames.length);
  t.same(new FuzzServer().run(read.seed, replayed(read.frames)), first);
  t.end();
});

t.test('a failing case is made small', (t) => {
  const frames = ['CONNECT\n\n\0', 'SEND\ndestination:/queue/a\n\nx\0', 'BAD\n\n\0'].map((text) => Buffer.from(text));
  const server = {
    run: (_seed: number, source: FrameSource) => {
      for (let frame = source([]); frame !== null; frame = source([])) {
        if (Buffer.from(frame).includes('queue')) throw new Error('found');
      }
    },
  } as unknown as FuzzServer;
  const { frames: small } = minimise({ seed: 1, frames }, () => server);
  t.same(
    small.map((frame) => Buffer.from(frame).toString()),
    ['queue'],
  );
  t.end();
});
