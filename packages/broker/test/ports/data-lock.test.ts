import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { DataLockedError, lockDataDirectory } from '@lockstep/broker';
import t from 'tap';

// A process number that Linux never gives out (the greatest is 2^22).
const NOBODY = 4_999_999;

t.test('a directory is locked once, and again when it was released', async (t) => {
  const directory = t.testdir();
  const lock = await lockDataDirectory(directory);
  const refusal = await lockDataDirectory(directory).catch((error: unknown) => error);
  t.ok(refusal instanceof DataLockedError);
  t.match(refusal, { path: directory, pid: process.pid, message: `${directory} is in use by process ${process.pid}` });
  t.same(readdirSync(directory), ['lock'], 'a refusal leaves nothing behind');
  await lock.release();
  await lock.release();
  t.same(readdirSync(directory), []);
  await (await lockDataDirectory(directory)).release();
});

t.test('of many that try at once, one gets it', async (t) => {
  const directory = t.testdir();
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDirectory(directory)));
  t.equal(tries.filter((one) => one.status === 'fulfilled').length, 1);
  t.same(readdirSync(directory), ['lock']);
});

t.test('a dead process’s lock is replaced, by one alone of many that try at once', async (t) => {
  for (let round = 0; round < 30; round++) {
    const directory = t.testdir({ lock: `${NOBODY}\n123\n\n${round}\n` });
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDirectory(directory)));
    t.equal(tries.filter((one) => one.status === 'fulfilled').length, 1);
    t.match(readFileSync(`${directory}/lock`, 'utf8'), new RegExp(`^${process.pid}\n`));
    t.same(readdirSync(directory), ['lock']);
  }
});

t.test('who died while replacing a dead lock does not stand in the way', async (t) => {
  const dead = `${NOBODY}\n123\n\nx\n`;
  const right = `lock.${createHash('sha256').update(dead).digest('hex').slice(0, 16)}`;
  const directory = t.testdir({ lock: dead, [right]: `${NOBODY}\n456\n\ny\n` });
  await lockDataDirectory(directory);
  t.same(readdirSync(directory), ['lock']);
});

t.test('a process number given out again does not keep a lock alive', async (t) => {
  const directory = t.testdir();
  await lockDataDirectory(directory);
  const [pid, started, boot] = readFileSync(`${directory}/lock`, 'utf8').split('\n');
  t.match(started, /^\d+$/);
  writeFileSync(`${directory}/lock`, `${pid}\n${Number(started) - 1}\n${boot}\nx\n`);
  const lock = await lockDataDirectory(directory);
  await lock.release();
});

t.test('a lock that was damaged by a power failure is nobody’s', async (t) => {
  for (const content of ['', '\0\0\0\0', 'x\ny\n', '-1\n\n\n']) {
    const directory = t.testdir({ lock: content });
    await (await lockDataDirectory(directory)).release();
    t.same(readdirSync(directory), []);
  }
});

t.test('a directory that is not there is an error, not a lock', async (t) => {
  await t.rejects(lockDataDirectory(`${t.testdir()}/no`), { code: 'ENOENT' });
});
