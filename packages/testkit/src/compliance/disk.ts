import { DiskError } from '@lockstep/kernel';
import type { Disk } from '@lockstep/kernel';
import type { Test } from 'tap';

import { concat, pattern, sameBytes } from './setup.ts';
import type { MakeSetup, Setup } from './setup.ts';

type DiskTest = (t: Test, disk: Disk) => Promise<void>;

async function store(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'create');
  await file.write([bytes], 0);
  await file.close();
}

async function load(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  return bytes;
}

async function refusal(t: Test, work: Promise<unknown>, code: string, path: string): Promise<void> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof DiskError, `a DiskError, not ${String(error)}`);
  t.match(error, { code, path });
}

const space: Readonly<Record<string, DiskTest>> = {
  async 'what is free is part of the whole'(t, disk) {
    const { totalBytes, freeBytes } = await disk.space();
    t.ok(totalBytes > 0 && freeBytes >= 0 && freeBytes <= totalBytes, `${freeBytes} of ${totalBytes} bytes are free`);
  },
};

const names: Readonly<Record<string, DiskTest>> = {
  async 'a directory that is not there is listed as empty'(t, disk) {
    t.same(await disk.list(''), []);
    t.same(await disk.list('no/such'), []);
  },

  async 'makeDirectory makes those above it and is harmless when repeated'(t, disk) {
    await disk.makeDirectory('a/b/c');
    await disk.makeDirectory('a/b/c');
    await disk.makeDirectory('');
    await store(disk, 'a/b/c/file', pattern(3));
    t.same(await disk.list('a'), ['b']);
    t.same(await disk.list('a/b/c'), ['file']);
  },

  async 'list gives names, not paths'(t, disk) {
    await disk.makeDirectory('d/sub');
    await store(disk, 'd/one', pattern(1));
    await store(disk, 'd/two', pattern(1));
    t.same((await disk.list('d')).toSorted(), ['one', 'sub', 'two']);
  },

  async 'create wants no such file, read and update want one'(t, disk) {
    await refusal(t, disk.open('f', 'read'), 'ENOENT', 'f');
    await refusal(t, disk.open('f', 'update'), 'ENOENT', 'f');
    await refusal(t, disk.open('missing/f', 'create'), 'ENOENT', 'missing/f');
    await store(disk, 'f', pattern(10));
    await refusal(t, disk.open('f', 'create'), 'EEXIST', 'f');
    sameBytes(t, await load(disk, 'f'), pattern(10), 'a refused create leaves the file alone');
  },

  async 'a path outside the root is refused'(t, disk) {
    await refusal(t, disk.open('../f', 'create'), 'EINVAL', '../f');
    await refusal(t, disk.open('/f', 'create'), 'EINVAL', '/f');
  },

  async 'rename replaces what stands at its goal'(t, disk) {
    await disk.makeDirectory('d');
    await store(disk, 'old', pattern(10, 1));
    await store(disk, 'd/new', pattern(20, 2));
    await disk.rename('old', 'd/new');
    sameBytes(t, await load(disk, 'd/new'), pattern(10, 1), 'content moved');
    await refusal(t, disk.open('old', 'read'), 'ENOENT', 'old');
    await refusal(t, disk.rename('old', 'd/new'), 'ENOENT', 'old');
    t.same(await disk.list('d'), ['new']);
  },

  async 'an open file is not disturbed by what happens to its name'(t, disk) {
    await store(disk, 'one', pattern(10, 1));
    await store(disk, 'two', pattern(10, 2));
    const file = await disk.open('one', 'update');
    await disk.rename('two', 'one');
    const bytes = new Uint8Array(10);
    await file.read(bytes, 0);
    sameBytes(t, bytes, pattern(10, 1), 'still the first file');
    await file.write([pattern(5, 3)], 10);
    t.equal(await file.size(), 15);
    await file.close();
    sameBytes(t, await load(disk, 'one'), pattern(10, 2), 'the name means the second file');
  },

  async 'remove takes a file away and is harmless when there is none'(t, disk) {
    await store(disk, 'f', pattern(1));
    await disk.remove('f');
    await disk.remove('f');
    await disk.remove('no/such/f');
    t.same(await disk.list(''), []);
    await store(disk, 'f', pattern(2));
    t.equal((await load(disk, 'f')).length, 2);
  },

  async 'syncDirectory wants a directory'(t, disk) {
    await disk.makeDirectory('d');
    await disk.syncDirectory('d');
    await disk.syncDirectory('');
    await refusal(t, disk.syncDirectory('no'), 'ENOENT', 'no');
  },
};

const contents: Readonly<Record<string, DiskTest>> = {
  async 'read fills as much as there is, and nothing at the end'(t, disk) {
    await store(disk, 'f', pattern(100));
    const file = await disk.open('f', 'read');
    const bytes = new Uint8Array(60);
    t.equal(await file.read(bytes, 0), 60);
    sameBytes(t, bytes, pattern(100).subarray(0, 60), 'the beginning');
    t.equal(await file.read(bytes, 70), 30);
    sameBytes(t, bytes.subarray(0, 30), pattern(100).subarray(70), 'the end');
    t.equal(await file.read(bytes, 100), 0);
    t.equal(await file.read(bytes, 5000), 0);
    t.equal(await file.read(new Uint8Array(0), 0), 0);
    await file.close();
  },

  async 'chunks are written one behind the other'(t, disk) {
    const file = await disk.open('f', 'create');
    const chunks = [pattern(10, 1), new Uint8Array(0), pattern(5000, 2), pattern(1, 3)];
    await file.write(chunks, 0);
    await file.write(chunks, 5011);
    t.equal(await file.size(), 10_022);
    await file.close();
    sameBytes(t, await load(disk, 'f'), concat([...chunks, ...chunks]), 'content');
  },

  async 'any number of chunks is written'(t, disk) {
    const chunks: Uint8Array[] = [];
    for (let i = 0; i < 3000; i++) chunks.push(pattern(i % 7, i));
    const file = await disk.open('f', 'create');
    await file.write([pattern(9)], 0);
    await file.write(chunks, 9);
    await file.close();
    sameBytes(t, await load(disk, 'f'), concat([pattern(9), ...chunks]), 'content');
  },

  async 'writing nothing changes nothing'(t, disk) {
    const file = await disk.open('f', 'create');
    await file.write([], 0);
    await file.write([], 10);
    await file.write([new Uint8Array(0)], 10);
    t.equal(await file.size(), 0);
    await file.close();
  },

  async 'a write behind the end leaves zeros between, one inside the file keeps the rest'(t, disk) {
    const file = await disk.open('f', 'create');
    await file.write([pattern(4, 1)], 10_000);
    await file.write([pattern(4, 2)], 9_998);
    t.equal(await file.size(), 10_004);
    await file.close();
    const wanted = concat([new Uint8Array(9_998), pattern(4, 2), pattern(4, 1).subarray(2)]);
    sameBytes(t, await load(disk, 'f'), wanted, 'content');
  },

  async 'update reads and writes what is there'(t, disk) {
    await store(disk, 'f', pattern(100));
    const file = await disk.open('f', 'update');
    t.equal(await file.size(), 100);
    await file.write([pattern(2, 9)], 50);
    const bytes = new Uint8Array(100);
    t.equal(await file.read(bytes, 0), 100);
    await file.close();
    sameBytes(t, bytes, concat([pattern(50), pattern(2, 9), pattern(100).subarray(52)]), 'content');
  },

  async 'a file opened for reading is not written'(t, disk) {
    await store(disk, 'f', pattern(10));
    const file = await disk.open('f', 'read');
    await refusal(t, file.write([pattern(1)], 0), 'EBADF', 'f');
    await file.close();
    sameBytes(t, await load(disk, 'f'), pattern(10), 'content');
  },

  async 'truncate cuts, and grows with zeros'(t, disk) {
    await store(disk, 'f', pattern(9000));
    const file = await disk.open('f', 'update');
    await file.truncate(5000);
    t.equal(await file.size(), 5000);
    await file.truncate(20_000);
    t.equal(await file.size(), 20_000);
    await file.close();
    const wanted = concat([pattern(9000).subarray(0, 5000), new Uint8Array(15_000)]);
    sameBytes(t, await load(disk, 'f'), wanted, 'nothing comes back from behind the cut');
  },

  async 'reads may overlap'(t, disk) {
    await store(disk, 'f', pattern(9000));
    const file = await disk.open('f', 'read');
    const parts = [new Uint8Array(3000), new Uint8Array(3000), new Uint8Array(3000)];
    t.same(await Promise.all(parts.map((part, index) => file.read(part, index * 3000))), [3000, 3000, 3000]);
    await file.close();
    sameBytes(t, concat(parts), pattern(9000), 'content');
  },

  async 'sync leaves the content as it is'(t, disk) {
    const file = await disk.open('f', 'create');
    await file.sync();
    await file.write([pattern(700)], 0);
    await file.sync();
    await file.sync();
    await file.close();
    sameBytes(t, await load(disk, 'f'), pattern(700), 'content');
  },

  async 'a closed file does nothing more'(t, disk) {
    const file = await disk.open('f', 'create');
    await file.close();
    await refusal(t, file.write([pattern(1)], 0), 'EBADF', 'f');
    await refusal(t, file.read(new Uint8Array(1), 0), 'EBADF', 'f');
    await refusal(t, file.sync(), 'EBADF', 'f');
  },
};

/** What every `Disk` does. `make` gives an empty one for each test. */
export function diskCompliance(t: Test, make: MakeSetup<Setup<Disk>>): void {
  for (const [name, body] of Object.entries({ ...names, ...contents, ...space })) {
    t.test(name, async (t) => {
      const { port, run } = await make(t);
      await run(() => body(t, port));
    });
  }
}
