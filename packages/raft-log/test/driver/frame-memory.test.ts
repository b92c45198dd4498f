import t from 'tap';

import { dropFrameMemory, giveBackFrameMemory, takeFrameMemory } from '../../src/driver/peers/frame-memory.ts';
import { FrameReader, frameOf } from '../../src/driver/peers/frames.ts';

const large = 500_000;

t.beforeEach(() => dropFrameMemory());

t.test('what was given back is used again, once', (t) => {
  const first = takeFrameMemory(large);
  t.equal(first.length, large);
  t.not(takeFrameMemory(large).buffer, first.buffer, 'it is in use');
  giveBackFrameMemory(first.subarray(1000, 2000));
  giveBackFrameMemory(first);
  const second = takeFrameMemory(large - 7);
  t.equal(second.buffer, first.buffer);
  t.equal(second.length, large - 7);
  t.not(takeFrameMemory(large).buffer, first.buffer, 'it was given back twice, and is there once');
  giveBackFrameMemory(second);
  dropFrameMemory();
  t.not(takeFrameMemory(large).buffer, first.buffer);
  t.end();
});

t.test('small and very large frames have memory of their own, and so has what comes from elsewhere', (t) => {
  for (const bytes of [10, 100_000, 1_000_000]) {
    const memory = takeFrameMemory(bytes);
    t.equal(memory.length, bytes);
    giveBackFrameMemory(memory);
    t.not(takeFrameMemory(bytes).buffer, memory.buffer);
  }
  const elsewhere = Buffer.allocUnsafeSlow(544 * 1024);
  giveBackFrameMemory(elsewhere);
  t.not(takeFrameMemory(large).buffer, elsewhere.buffer);
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
  giveBackFrameMemory(one);
  const three = receive(3);
  t.equal(three.buffer, one.buffer);
  t.ok(two.every((byte) => byte === 2) && three.every((byte) => byte === 3));
  t.end();
});
