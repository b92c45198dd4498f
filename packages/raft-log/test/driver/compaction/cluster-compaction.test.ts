import { decodeText } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import type { SimDevice } from '@lockstep/testkit';
import t from 'tap';

import { Cluster } from '../cluster.ts';

const segmentBytes = 16 * 1024;
const settings = { segmentBytes, snapshotBytes: segmentBytes, tailBytesMax: 1024, scrubPauseMs: 2000 };
const blanks = 1000;

async function read(cluster: Cluster, name: string): Promise<string[]> {
  const { log, machine } = cluster.life(name);
  const positions = [...machine.live] as JournalPosition[];
  let texts: string[] | null = null;
  void log!
    .readPayloads(positions)
    .then(
      (found) => (texts = found.map((one) => (typeof one === 'string' ? one : decodeText(one).trimEnd().slice(5)))),
    );
  await cluster.until(() => texts !== null);
  return texts ?? [];
}

function bytesIn(device: SimDevice, directory: string): number {
  return device.list(directory).reduce((sum, name) => sum + device.contentOf(`${directory}/${name}`).length, 0);
}

/** Sends many messages, of which the first and each hundredth are kept for good. */
async function work(cluster: Cluster, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const position = await cluster.commit(`keep ${i}`, blanks);
    if (position !== null && i % 100 !== 0) await cluster.commit(`drop ${position}`);
  }
}

t.test('old messages in every segment pin none of them, on no member, and can be read after a restart', async (t) => {
  const cluster = new Cluster('compaction', { settings }).startAll();
  await cluster.untilLed();
  await work(cluster, 0, 600);
  await cluster.pass(1000);
  for (const name of cluster.names) {
    const { device } = cluster.life(name).process.disk;
    const used = bytesIn(device, 'journal') + bytesIn(device, 'records');
    // This machine's snapshot holds all its history, and the next one is due when the log has grown by as much.
    const bound = 3 * segmentBytes + bytesIn(device, 'snapshot');
    t.ok(used < bound && used < 600 * blanks, `${name} takes ${used} bytes, ${bound} are allowed`);
    t.same(await read(cluster, name), ['0', '100', '200', '300', '400', '500'], name);
    cluster.kill(name);
  }
  cluster.startAll();
  await cluster.untilLed();
  await cluster.until(() => cluster.names.every((name) => cluster.life(name).machine.live.size === 6));
  for (const name of cluster.names) {
    t.same(await read(cluster, name), ['0', '100', '200', '300', '400', '500'], `${name} again`);
    t.equal(cluster.life(name).failure, null);
  }
});

t.test('the scrubber finds a damaged record before anybody asks for it, and another member has it', async (t) => {
  const cluster = new Cluster('scrub', { settings }).startAll();
  await cluster.untilLed();
  await work(cluster, 0, 150);
  await cluster.pass(500);
  const life = cluster.life('b');
  const { device } = life.process.disk;
  const [store] = device.list('records').filter((name) => name.endsWith('.store') || name.endsWith('.log'));
  const path = `records/${store}`;
  const at = Buffer.from(device.contentOf(path)).indexOf('keep 0');
  t.ok(at > 0, `${path} holds the oldest message`);
  device.rot(path, at);
  t.ok(await cluster.until(() => life.lines.some((line) => line.includes('the scrubber found')), 60_000));
  t.ok(await cluster.until(() => !device.list('records').includes(store!), 60_000), 'the damaged file goes');
  t.same(await read(cluster, 'b'), ['0', '100']);
  t.notOk(
    life.lines.some((line) => line.includes('ERROR')),
    life.lines.join('\n'),
  );
});

t.test('so it does in the log itself, and the member goes on', async (t) => {
  const cluster = new Cluster('scrub the log', { settings: { ...settings, cacheBytes: 1 } }).startAll();
  await cluster.untilLed();
  for (let i = 0; i < 40; i++) await cluster.commit(`keep ${i}`, blanks);
  const life = cluster.life('b');
  const { device } = life.process.disk;
  const [segment] = device.list('journal').toSorted();
  const bytes = Buffer.from(device.contentOf(`journal/${segment}`));
  const at = bytes.indexOf('keep ');
  const text = bytes
    .subarray(at, at + 8)
    .toString()
    .trimEnd();
  device.rot(`journal/${segment}`, at);
  t.ok(
    await cluster.until(() => life.lines.some((line) => line.includes(`scrubber found journal/${segment}`)), 60_000),
  );
  t.ok(await cluster.until(() => life.lines.some((line) => line.includes('is repaired')), 60_000), 'before it is read');
  t.ok((await read(cluster, 'b')).includes(text.slice(5)), `${text} can be read`);
  t.equal(life.failure, null);
});

t.test('a damaged snapshot file is replaced by a new snapshot before anybody needs it', async (t) => {
  const cluster = new Cluster('scrub the snapshot', { settings }).startAll();
  await cluster.untilLed();
  await work(cluster, 0, 150);
  await cluster.pass(500);
  const life = cluster.life('b');
  const { device } = life.process.disk;
  const snapshot = (): string => `snapshot/${device.list('snapshot').find((name) => name.endsWith('.snap'))!}`;
  for (let round = 1; round <= 2; round++) {
    const path = snapshot();
    const { length } = device.contentOf(path);
    device.rot(path, Math.floor(length / 2));
    const said = (): number => life.lines.filter((line) => line.includes(`the scrubber found ${path} damaged`)).length;
    const before = said();
    t.ok(await cluster.until(() => said() > before, 60_000), life.lines.join('\n'));
    // The second time it is one of the same state, as nothing has come since.
    t.ok(await cluster.until(() => device.rottenBytes === 0, 10_000), snapshot());
    if (round === 2) t.equal(snapshot(), path);
    const all = said();
    await cluster.pass(5000);
    t.equal(said(), all, 'it is whole again');
  }
  cluster.kill('b');
  const again = cluster.start('b');
  t.ok(await cluster.until(() => again.machine.live.size === 2));
  t.equal(again.log?.status.raft?.standing, 'voter');
  t.notOk(
    again.lines.some((line) => line.includes('damaged')),
    again.lines.join('\n'),
  );
});

for (const how of ['unreadable', 'rotten'] as const) {
  t.test(`a master whose snapshot file is ${how} when it sends it goes on, and takes another one`, async (t) => {
    const cluster = new Cluster(`${how} snapshot`, { settings: { ...settings, scrubPauseMs: 1e9 } }).startAll();
    const leader = await cluster.untilLed();
    const behind = cluster.names.find((name) => name !== leader)!;
    await work(cluster, 0, 50);
    cluster.kill(behind);
    await work(cluster, 50, 250);
    const { device } = cluster.life(leader).process.disk;
    const path = `snapshot/${device.list('snapshot').find((name) => name.endsWith('.snap'))!}`;
    if (how === 'unreadable') device.fail({ operation: 'read', path });
    else device.rot(path, 5000);
    cluster.start(behind);
    t.ok(await cluster.until(() => cluster.life(behind).machine.live.size === 3, 60_000), cluster.story());
    t.equal(cluster.life(leader).failure, null);
    t.equal(device.rottenBytes, 0);
    t.match(cluster.life(behind).lines.join('\n'), /the snapshot from node . is damaged, it is asked for again/);
    if (how === 'unreadable') return;
    t.match(cluster.life(leader).lines.join('\n'), /snap is damaged at byte \d+: .*; another snapshot is taken in its/);
  });
}
