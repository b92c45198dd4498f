import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

import { mayMount, ProcessCluster } from '../harness/process-cluster.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { RawClient } from '../harness/raw-client.ts';
import type { RawFrame } from '../harness/raw-client.ts';
import { underLoad } from '../harness/under-load.ts';
import { until } from '../harness/until.ts';

const mebibyte = 1024 * 1024;

/** Somebody else writes to the node's file system until it takes no more. */
function fill(node: ProcessNode): void {
  const file = openSync(join(node.data, 'somebody-elses'), 'a');
  try {
    for (const bytes of [mebibyte, 65_536, 4096]) {
      const piece = Buffer.alloc(bytes, 1);
      try {
        while (writeSync(file, piece) === bytes);
      } catch {
        // Less still fits, perhaps.
      }
    }
  } finally {
    closeSync(file);
  }
}

function logOf(node: ProcessNode): string {
  return readFileSync(`${node.data}.log`, 'utf8');
}

t.test(
  'a master whose disk takes no more ends and says what to do; a slave goes on, and nothing is lost',
  async (t) => {
    await underLoad(t, async (cluster, progress) => {
      const master = await cluster.settled();
      const child = master.process!;
      const ended = new Promise((resolve) => child.once('close', resolve));
      // A test runner's own handler would let SIGXFSZ end the process.
      t.notMatch(readFileSync(`/proc/${child.pid}/environ`, 'utf8'), 'NODE_OPTIONS');
      // From now on none of its files may grow: the next write fails, as on a full disk.
      execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=1']);
      await ended;
      t.same({ code: child.exitCode, signal: child.signalCode }, { code: 1, signal: null });
      t.match(
        readFileSync(`${master.data}.log`, 'utf8'),
        /"level":"fatal".*"advice":"make room for the data directory.*"msg":"this node ends: write journal\/\S+: EFBIG/,
      );
      const next = await cluster.master(master);
      t.not(next.id, master.id);
      await progress(300);
      cluster.revive(master);
      await progress(300);
      await cluster.settled();
    });
  },
);

/** Sends bodies of 1,000 bytes with receipts until one is refused. Says how many receipts came, and what the ERROR said. */
async function sendUntilRefused(node: ProcessNode, from: number): Promise<{ receipts: number; error: RawFrame }> {
  const client = await RawClient.connected(node.stompPort);
  for (let i = from; ; i++) {
    client.say(`SEND\ndestination:/queue/kept\nreceipt:${i}\n\n${String(i).padEnd(1000, '.')}\0`);
    const answered = (): boolean => client.count('RECEIPT') > i - from || client.count('ERROR') > 0;
    await until('an answer', answered);
    if (client.count('ERROR') > 0) return { receipts: i - from, error: await client.frame('ERROR') };
  }
}

// Where file systems may not be mounted, only the test above can be done.
if (mayMount()) {
  t.test(
    'a master whose disk is filled up refuses SENDs, gives out what it has, and goes on when there is room',
    async (t) => {
      const config = 'journal: { segmentBytes: 1MiB, cacheBytes: 1MiB }\ncluster: { electionMs: 5s }';
      const cluster = await ProcessCluster.start({ config, dataBytes: 24 * mebibyte });
      t.teardown(async () => cluster.stop(!t.passing()));
      const master = await cluster.settled();
      const { process: child } = master;
      await until('the reserve', () => logOf(master).includes('room is kept back on the disk'));
      fill(master);
      const { receipts, error } = await sendUntilRefused(master, 0);
      t.match(error.headers, { message: /^SEND \/queue\/kept: \/queue\/kept: the disk is full/ });
      t.match(logOf(master), /"level":"warn".*the disk is full: the room that was kept back is used now/);
      t.match(logOf(master), /"level":"error".*the disk is full: SENDs are refused until there is room again/);
      const consumer = await RawClient.connected(master.stompPort);
      consumer.say('SUBSCRIBE\nid:0\ndestination:/queue/kept\nack:client\n\n\0');
      await until('what was taken', () => consumer.count('MESSAGE') >= receipts);
      const got = consumer.frames.filter(({ command }) => command === 'MESSAGE');
      t.same(
        got.slice(0, receipts).map(({ body }) => Number.parseInt(body.toString(), 10)),
        Array.from({ length: receipts }, (_, i) => i),
      );
      consumer.say(`ACK\nid:${got.at(-1)?.headers['ack'] ?? ''}\nreceipt:acked\n\n\0`);
      t.ok(await consumer.receipt('acked'), 'they are settled for good');
      rmSync(join(master.data, 'somebody-elses'));
      await until('SENDs to be taken again', () => logOf(master).includes('there is room on the disk again'));
      const producer = await RawClient.connected(master.stompPort);
      producer.say('SEND\ndestination:/queue/kept\nreceipt:after\n\nafter\0');
      t.ok(await producer.receipt('after'));
      t.equal(master.process, child, 'it never ended');
      consumer.drop();
      producer.drop();
    },
  );
}
