import { DiskError } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import type { DiskFault, SimDevice } from '@lockstep/testkit';
import t from 'tap';

import { Cluster } from '../cluster.ts';

const segmentBytes = 16 * 1024;
const settings = { segmentBytes, snapshotBytes: segmentBytes, tailBytesMax: 1024 };
const blanks = 1000;

function deviceOf(cluster: Cluster, name: string): SimDevice {
  return cluster.life(name).process.disk.device;
}

/** Commits until the leader has ended, or that many. */
async function work(cluster: Cluster, leader: string, count: number): Promise<string[]> {
  const taken: string[] = [];
  for (let i = 0; i < count && cluster.life(leader).failure === null; i++) {
    if ((await cluster.commit(`keep ${i}`, blanks)) !== null) taken.push(`keep ${i}`);
  }
  return taken;
}

interface Ending {
  readonly fault: DiskFault;
  /** How the failure begins that ends the process. */
  readonly told: RegExp;
}

const endings: readonly Ending[] = [
  { fault: { operation: 'write', path: 'journal/' }, told: /^write journal\/\S+\.log: EIO$/ },
  { fault: { operation: 'sync', path: 'journal/' }, told: /^sync journal\/\S+: EIO$/ },
  { fault: { operation: 'sync', path: 'journal/', code: 'ENOSPC' }, told: /^sync journal\/\S+: ENOSPC$/ },
  { fault: { operation: 'rename', path: 'journal/' }, told: /^rename journal\/\S+\.tmp: EIO$/ },
  { fault: { operation: 'syncDirectory', path: 'journal' }, told: /^syncDirectory journal: EIO$/ },
  { fault: { operation: 'write', path: 'snapshot/' }, told: /^write snapshot\/\S+\.tmp: EIO$/ },
  { fault: { operation: 'sync', path: 'snapshot/' }, told: /^sync snapshot\/\S+\.tmp: EIO$/ },
];

for (const { fault, told } of endings) {
  const code = fault.code ?? 'EIO';
  t.test(
    `${code} on ${fault.operation} of ${fault.path}: the node ends, and says which file and operation`,
    async (t) => {
      const cluster = new Cluster(`${code} ${fault.operation} ${fault.path}`, { settings }).startAll();
      const leader = await cluster.untilLed();
      const before = await work(cluster, leader, 5);
      deviceOf(cluster, leader).fail(fault);
      before.push(...(await work(cluster, leader, 40)));
      const { failure, process } = cluster.life(leader);
      t.ok(failure instanceof DiskError);
      t.match(failure?.message, told);
      t.ok(cluster.life(leader).lines.some((line) => line.includes(`this node can't go on: ${failure!.message}`)));
      // As the program does.
      cluster.world.host(leader).kill(process);
      await cluster.until(() => cluster.leader !== null && cluster.leader !== leader);
      t.type(await cluster.commit('after'), 'number', 'the others go on');
      cluster.start(leader);
      const whole = [...before, 'after'];
      const has = (name: string): boolean => whole.every((text) => cluster.texts(name).includes(text));
      t.ok(await cluster.until(() => cluster.names.every(has)), 'nothing acknowledged is lost, on any member');
    },
  );
}

t.test('EIO on reading a record: another member has it', async (t) => {
  const cluster = new Cluster('EIO on read', { settings: { ...settings, cacheBytes: 1 } }).startAll();
  const leader = await cluster.untilLed();
  await work(cluster, leader, 60);
  const life = cluster.life(leader);
  const [oldest] = [...life.machine.live] as JournalPosition[];
  t.equal(life.log!.payload(oldest!), null, 'not in memory');
  deviceOf(cluster, leader).fail({ operation: 'read', path: 'records/', times: Infinity });
  let found: unknown = null;
  void life.log!.readPayloads([oldest!]).then(([one]) => (found = one));
  await cluster.until(() => found !== null || life.failure !== null);
  deviceOf(cluster, leader).clearFaults();
  if (found === 'lost') {
    // The copy that was fetched could not be read back either.
    t.ok(life.lines.some((line) => line.includes('ERROR records/') && line.includes('is damaged at byte')));
    void life.log!.readPayloads([oldest!]).then(([one]) => (found = one));
    await cluster.until(() => found !== 'lost');
  }
  t.type(found, Uint8Array);
  t.equal(life.failure, null, 'the node goes on');
});

t.test('a full disk: the reserve is given up, the log goes on, and nobody ends', async (t) => {
  const cluster = new Cluster('full disk', { settings });
  for (const name of cluster.names) cluster.world.host(name).device.capacityBytes = 64 * segmentBytes;
  cluster.startAll();
  const leader = await cluster.untilLed();
  await cluster.pass(2000);
  const { log, lines } = cluster.life(leader);
  t.equal(log!.disk.state.pressure, 'none');
  const device = deviceOf(cluster, leader);
  device.capacityBytes = device.usedBytes() + 1024;
  await work(cluster, leader, 10);
  t.same(log!.disk.state, { pressure: 'hard', reason: 'the disk is full' });
  t.ok(lines.some((line) => line.includes('the room that was kept back is used now')));
  t.equal(cluster.life(leader).failure, null);
  t.equal(cluster.leader, leader);
  device.capacityBytes = 64 * segmentBytes;
  t.ok(await cluster.until(() => log!.disk.state.pressure === 'none'), 'there is room again');
  t.ok(device.list('.').includes('reserve'), 'and the reserve is back');
});

t.test('a disk that stays full ends the node at last, and it names file and operation', async (t) => {
  const cluster = new Cluster('fuller disk', { settings });
  for (const name of cluster.names) cluster.world.host(name).device.capacityBytes = 64 * segmentBytes;
  cluster.startAll();
  const leader = await cluster.untilLed();
  await cluster.pass(2000);
  const device = deviceOf(cluster, leader);
  device.capacityBytes = device.usedBytes() + 1024;
  const taken = await work(cluster, leader, 200);
  const { failure, process } = cluster.life(leader);
  t.match(failure, { code: 'ENOSPC', message: /^write journal\/\S+: ENOSPC$/ });
  cluster.world.host(leader).kill(process);
  await cluster.until(() => cluster.leader !== null && cluster.leader !== leader);
  device.capacityBytes = 64 * segmentBytes;
  cluster.start(leader);
  const has = (name: string): boolean => taken.every((text) => cluster.texts(name).includes(text));
  t.ok(await cluster.until(() => cluster.names.every(has)), 'nothing acknowledged is lost');
});
