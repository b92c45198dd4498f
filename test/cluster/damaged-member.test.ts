import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

import { ProcessCluster } from '../harness/process-cluster.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

/**
 * Small files, so that some thousand messages fill retired segments, store files, a snapshot and an open segment. A machine that is busy with other
 * things must not bring an election about.
 */
const config =
  'journal: { segmentBytes: 64KiB, snapshotBytes: 64KiB, cacheBytes: 1MiB }\ncluster: { electionMs: 5s }\n';
const messages = 2000;
const queue = '/queue/kept';

function body(i: number): string {
  return `message ${i} `.padEnd(200, String(i % 10));
}

async function fill(node: ProcessNode, from: number, to: number, destination: string = queue): Promise<void> {
  const client = await RawClient.connected(node.stompPort);
  for (let i = from; i < to; i += 1) client.say(`SEND\ndestination:${destination}\nreceipt:${i}\n\n${body(i)}\0`);
  await client.receipt(String(to - 1));
  client.drop();
}

/** All bodies in the queue, in order; given back afterwards. */
async function readAll(node: ProcessNode): Promise<string[]> {
  const client = await RawClient.connected(node.stompPort);
  client.say(`SUBSCRIBE\nid:0\ndestination:${queue}\nack:client\nprefetch-count:${messages}\n\n\0`);
  await until('all messages', () => client.count('MESSAGE') >= messages);
  // A lost connection would count as a delivery.
  client.say('DISCONNECT\nreceipt:bye\n\n\0');
  await client.receipt('bye');
  client.drop();
  return client.frames.filter(({ command }) => command === 'MESSAGE').map((frame) => frame.body.toString());
}

function logOf(node: ProcessNode): string {
  return readFileSync(`${node.data}.log`, 'utf8');
}

function filesIn(node: ProcessNode, directory: string, ending: string): string[] {
  const names = readdirSync(join(node.data, directory)).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => join(directory, name));
}

/** Resolves when that node votes and holds everything. */
async function rejoined(cluster: ProcessCluster, node: ProcessNode): Promise<void> {
  await until(`${node.id} to be a voter that has it all`, async () => {
    const master = await cluster.master();
    const [status, own] = [await cluster.status(master), await cluster.status(node)];
    const member = status?.members.find(({ id }) => id === node.id);
    return own?.role === 'slave' && member?.alive === true && member.matchIndex === status?.lastIndex;
  });
}

type Damage = (bytes: Buffer, node: ProcessNode) => void;

const flipBody: Damage = (bytes) => {
  let at = bytes.indexOf('message ');
  for (let count = 0; at !== -1; at = bytes.indexOf('message ', at + 1)) {
    count += 1;
    if (count % 7 === 1) bytes[at + 30]! ^= 0x20;
  }
};
const flipMiddle: Damage = (bytes) => {
  bytes[Math.floor(bytes.length / 2)]! ^= 0x04;
};
const flipEnd: Damage = (bytes) => {
  bytes[bytes.length - 12]! ^= 0x01;
};
/** Two blocks of the disk have changed places. */
const swapBlocks: Damage = (bytes) => {
  const [one, other] = [4096, 4096 * 5].map((at) => Buffer.from(bytes.subarray(at, at + 4096)));
  other!.copy(bytes, 4096);
  one!.copy(bytes, 4096 * 5);
};
/** A block of what is elsewhere in the file was written over another. */
const misdirected: Damage = (bytes) => {
  bytes.copy(bytes, 4096 * 2, 4096 * 6, 4096 * 7);
};

/** Where the record around that place begins, in which a message's body stands (raft-log, `record.ts`: length, index at 8, version at 25, then zeros). */
function recordAround(bytes: Buffer, at: number): number {
  for (let start = at - 32; start >= 0 && start > at - 400; start -= 1) {
    const isHeader = bytes[start + 25] === 1 && bytes.readUIntLE(start + 26, 6) === 0;
    const length = bytes.readUInt32LE(start);
    if (isHeader && length > at - start && length < 1000) return start;
  }
  throw new Error(`no record around byte ${at}`);
}

/** The last entry that the newest snapshot covers. */
function snapshotIndex(node: ProcessNode): number {
  return Number(
    filesIn(node, 'snapshot', '.snap')
      .at(-1)!
      .match(/(\d+)-\d+\.snap$/)![1],
  );
}

/** Changes a body in the log that the newest snapshot covers, or one that it does not. */
function flipInLog(isCovered: boolean): Damage {
  return (bytes, node) => {
    const newest = snapshotIndex(node);
    for (let at = bytes.indexOf('message '); at !== -1; at = bytes.indexOf('message ', at + 1)) {
      const index = Number(bytes.readBigUInt64LE(recordAround(bytes, at) + 8));
      if (index <= newest !== isCovered) continue;
      bytes[at + 30]! ^= 0x20;
      return;
    }
    throw new Error(`no message ${isCovered ? 'up to' : 'behind'} entry ${newest}`);
  };
}

interface Case {
  readonly what: string;
  readonly files: (node: ProcessNode) => readonly string[];
  readonly damage: Damage;
  /** Its vote is at stake. */
  readonly abstains: boolean;
  /** What names the file: the damage shows at the start or when it is read. A sidecar is made anew without ado. */
  readonly named: boolean;
}

const sealed = (node: ProcessNode): readonly string[] => filesIn(node, 'records', '.log');
const stores = (node: ProcessNode): readonly string[] => filesIn(node, 'records', '.store');
const cases: readonly Case[] = [
  { what: 'bits in sealed segments', files: sealed, damage: flipBody, abstains: false, named: true },
  {
    what: 'swapped blocks in a sealed segment',
    files: (node) => sealed(node).slice(1, 2),
    damage: swapBlocks,
    abstains: false,
    named: true,
  },
  {
    what: 'a misdirected write in a sealed segment',
    files: (node) => sealed(node).slice(0, 1),
    damage: misdirected,
    abstains: false,
    named: true,
  },
  { what: 'bits in store files', files: stores, damage: flipBody, abstains: false, named: true },
  { what: 'tables of store files', files: stores, damage: flipEnd, abstains: false, named: false },
  {
    what: 'sidecars',
    files: (node) => filesIn(node, 'records', '.idx'),
    damage: flipMiddle,
    abstains: false,
    named: false,
  },
  {
    what: 'the log behind the snapshot',
    files: (node) => filesIn(node, 'journal', '.log').slice(-1),
    damage: flipInLog(false),
    abstains: true,
    named: true,
  },
  {
    what: 'the log that the snapshot covers',
    files: (node) => filesIn(node, 'journal', '.log').slice(0, 1),
    damage: flipInLog(true),
    abstains: false,
    named: true,
  },
  {
    what: 'the snapshot',
    files: (node) => filesIn(node, 'snapshot', '.snap'),
    damage: flipMiddle,
    abstains: true,
    named: true,
  },
];

/** A node that has got everything, some of it as store files, some as segments of its own, and is down. */
async function prepared(cluster: ProcessCluster): Promise<ProcessNode> {
  const master = await cluster.settled();
  const victim = cluster.nodes.find((node) => node !== master)!;
  await fill(master, 0, messages / 2);
  // An absence that only a snapshot can bridge: it comes back with store files.
  await cluster.kill(victim);
  await fill(master, messages / 2, (messages * 3) / 4);
  cluster.revive(victim);
  await rejoined(cluster, victim);
  await fill(master, (messages * 3) / 4, messages);
  await rejoined(cluster, victim);
  await cluster.kill(victim);
  return victim;
}

const expected = Array.from({ length: messages }, (_, i) => body(i));

t.test(
  'whatever of one node is damaged: nothing is lost, nothing wrong is delivered, and its log says what was where',
  async (t) => {
    const cluster = await ProcessCluster.start({ config });
    t.teardown(async () => cluster.stop(!t.passing()));
    const victim = await prepared(cluster);
    for (const { what, files, damage, abstains, named } of cases) {
      if (victim.process !== null) {
        // Something that no snapshot covers.
        await fill(await cluster.settled(), 0, 3, '/queue/more');
        await rejoined(cluster, victim);
        await cluster.kill(victim);
      }
      const damaged = files(victim).filter((file) => statSync(join(victim.data, file)).size > 0);
      t.ok(damaged.length > 0, `${what}: there are some`);
      for (const file of damaged) {
        const bytes = readFileSync(join(victim.data, file));
        damage(bytes, victim);
        writeFileSync(join(victim.data, file), bytes);
      }
      const before = logOf(victim).length;
      cluster.revive(victim);
      await rejoined(cluster, victim);
      // It serves its clients from its own log.
      t.same(await readAll(victim), expected, `${what}: everything is read as it was sent`);
      const said = logOf(victim).slice(before);
      if (named) {
        const naming = damaged.filter((file) => new RegExp(`${file}[^"]* damaged at byte \\d+`).test(said));
        t.ok(naming.length > 0, `${what}: the log names file and offset`, { damaged, said: said.slice(0, 4000) });
      }
      t.equal(
        /this node has no vote/.test(said),
        abstains,
        `${what}: ${abstains ? 'its vote is at stake' : 'no vote is at stake'}`,
      );
      t.notMatch(said, /no member has an intact copy|"level":50[^\n]*lost/, `${what}: nothing is given up`);
    }
  },
);
