import t from 'tap';
import { CommandArena } from '../../src/serving/command-arena.ts';

const chunk = 256 * 1024;

function write(arena: CommandArena, bytes: number, value: number): Uint8Array {
  const out = arena.begin(bytes + 16);
  out.raw(new Uint8Array(bytes).fill(value));
  return arena.end();
}

const isWhole = (command: Uint8Array, value: number): boolean => command.every((byte) => byte === value);

t.test('commands stay as they are until they are released, whatever comes after', (t) => {
  const arena = new CommandArena();
  const waiting: { command: Uint8Array; value: number }[] = [];
  let wrong = 0;
  for (let i = 1; i <= 3000; i++) {
    const bytes = i % 97 === 0 ? chunk + i : (i * 379) % 9000;
    waiting.push({ command: write(arena, bytes, i % 251), value: i % 251 });
    while (waiting.length > i % 60) {
      const { command, value } = waiting.shift()!;
      if (!isWhole(command, value)) wrong++;
      arena.release();
    }
  }
  t.equal(wrong, 0);
  t.end();
});

t.test('memory is written again once all of it is released', (t) => {
  const arena = new CommandArena();
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 500; i++) {
    buffers.add(write(arena, 5000, 1).buffer);
    buffers.add(write(arena, 5000, 1).buffer);
    arena.release();
    arena.release();
  }
  t.equal(buffers.size, 1);
  t.end();
});

t.test('what has been sent twice is never written again', (t) => {
  const arena = new CommandArena();
  const kept = [write(arena, 1000, 7), write(arena, chunk, 8)];
  arena.keep();
  arena.release();
  arena.release();
  for (let i = 0; i < 1000; i++) {
    write(arena, 3000, 9);
    arena.release();
  }
  t.ok(isWhole(kept[0]!, 7));
  t.ok(isWhole(kept[1]!, 8));
  t.end();
});
