import t from 'tap';

import { dropLargeMemory, giveBackLargeMemory, takeLargeMemory } from '../../src/driver/large-memory.ts';
import { FrameReader, frameOf } from '../../src/driver/peers/frames.ts';

const large = 500_000;

t.beforeEach(() => dropLargeMemory());

t.test('what was given back is used again, once', (t) => {
  const first = takeLargeMemory(large);
  t.equal(first.length, large);
  t.not(takeLargeMemory(large).buffer, first.buffer, 'it is in use');
  giveBackLargeMemory(first.subarray(1000, 2000));
  giveBackLargeMemory(first);
  const second = takeLargeMemory(large - 7);
  t.equal(second.buffer, first.buffer);
  t.equal(second.length, large - 7);
  t.not(takeLargeMemory(large).buffer, first.buffer, 'it was given back twice, and is there once');
  giveBackLargeMemory(second);
  dropLargeMemory();
  t.not(takeLargeMemory(large).buffer, first.buffer);
  t.end();
});

t.test('small and very large frames have memory of their own, and so has what comes from elsewhere', (t) => {
  for (const bytes of [10, 100_000, 1_000_000]) {
    const memory = takeLargeMemory(bytes);
    t.equal(memory.length, bytes);
    giveBackLargeMemory(memory);
    t.not(takeLargeMemory(bytes).buffer, memory.buffer);
  }
  const elsewhere = Buffer.allocUnsafeSlow(544 * 1024);
  giveBackLargeMemory(elsewhere);
  t.not(takeLargeMemory(large).buffer, elsewhere.buffer);
  t.end();
});

t.test('frames that span chunks lie in such memory', (t) => {
  const reader = new FrameReader(1_000_000);
  const receive = (fill: number): Uint8Array => {
    const frame = frameOf(new Uint8Array(large).fill(fill));
    for (let at = 0; at < frame.length; at += 65_536) {
      reader.push(frame.subarray(at, at + 65_536));
      const body = reader.next();
      if (body instanceof Uint8Array) return body;
    }
    throw new Error('no frame');
  };
  const [one, two] = [receive(1), receive(2)];
  t.ok(one.length === large && one.every((byte) => byte === 1), 'the second did not touch it');
  giveBackLargeMemory(one);
  const three = receive(3);
  t.equal(three.buffer, one.buffer);
  t.ok(two.every((byte) => byte === 2) && three.every((byte) => byte === 3));
  t.end();
});
