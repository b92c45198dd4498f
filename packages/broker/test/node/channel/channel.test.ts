import type { MasterMessage, NodeMessage } from '@lockstep/core';
import { encodeText, silentLog } from '@lockstep/kernel';
import type { Connection, NodeId } from '@lockstep/kernel';
import type { Leadership } from '@lockstep/raft-log';
import { Recorder, SimWorld } from '@lockstep/testkit';
import type { SimHost } from '@lockstep/testkit';
import t from 'tap';

import { NodeChannels } from '../../../src/node/channel/node-channels.ts';
import { MasterLink } from '../../../src/node/master-link.ts';

const port = 1;
const limits = { frameBytesMax: 1024 * 1024, unsentBytesMax: 1024 * 1024 };

/** A node `b` whose link leads to the channels of a master `a`, over a simulated network. */
class Bench {
  readonly world: SimWorld;
  readonly channels: NodeChannels;
  readonly link: MasterLink;
  /** What happened at the master's end. */
  readonly atMaster: string[] = [];
  /** What happened at the node's. */
  readonly atNode: string[] = [];
  readonly warnings: string[] = [];
  readonly heard: NodeMessage[] = [];
  leading: boolean = true;
  /** The master takes what the node says. */
  fits: boolean = true;
  dials = 0;
  readonly #master: SimHost;
  readonly #dial: () => Promise<Connection>;

  constructor(seed: number) {
    this.world = new SimWorld(seed);
    const master = this.world.host('a').start();
    this.#master = master.host;
    const node = this.world.host('b').start();
    const story = { ...silentLog, warn: (message: string) => void this.warnings.push(message) };
    this.channels = new NodeChannels({
      story,
      limits,
      message: (from, message) => {
        this.heard.push(message);
        this.atMaster.push(`${from} ${message.type}`);
        return this.fits;
      },
      changed: (from, isOpen) => this.atMaster.push(`${from} ${isOpen ? 'open' : 'gone'}`),
    });
    const listening = master.network.listen({ host: 'a', port }, (connection) => {
      this.channels.accept(connection, 'b' as NodeId);
    });
    this.#dial = async () => {
      await listening;
      return node.network.connect({ host: 'a', port }, 500);
    };
    this.link = new MasterLink({
      ...{ node: 'b' as NodeId, run: 'r', clock: node.clock, story, limits },
      dial: async () => {
        this.dials++;
        if (!this.leading) throw new Error('it does not lead');
        return this.#dial();
      },
      opened: () => {
        this.atNode.push('opened');
        this.link.flush();
      },
      lost: () => this.atNode.push('lost'),
      message: (message: MasterMessage) => this.atNode.push(message.type),
    });
  }

  lead(leader: 'a' | 'b' | 'c' | null): void {
    const leadership: Leadership = { leading: leader === 'b', role: 'follower', leader: leader as NodeId, term: 1 };
    this.link.leadershipChanged(leadership);
  }

  /** A connection of whoever says anything. */
  stranger(): Promise<{ readonly connection: Connection; readonly seen: Recorder }> {
    return this.world.simulation.run(async () => {
      const connection = await this.#dial();
      const seen = new Recorder();
      connection.start(seen);
      return { connection, seen };
    });
  }

  killMaster(): void {
    this.#master.kill();
  }

  pauseMaster(): void {
    this.#master.processes[0]!.pause();
  }

  async until(condition: () => boolean): Promise<boolean> {
    return this.world.simulation.runUntil(condition, 60_000);
  }

  async pass(ms: number): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + ms);
  }
}

t.test('a node finds the master, and both hear each other', async (t) => {
  const bench = new Bench(1);
  bench.leading = false;
  bench.lead('a');
  await bench.pass(200);
  t.same(bench.atNode, []);
  t.ok(bench.dials > 3, 'a master that does not lead yet is asked again');
  bench.leading = true;
  t.ok(await bench.until(() => bench.atMaster.includes('b open')));
  t.same(bench.atNode, ['opened']);
  bench.link.send([{ type: 'open', run: 'r' }]);
  await bench.pass(50);
  t.same(bench.heard, [], 'not before the end of the turn');
  bench.link.flush();
  bench.channels.send('b' as NodeId, [{ type: 'stale' }]);
  bench.channels.flush();
  t.ok(await bench.until(() => bench.atNode.includes('stale') && bench.heard.length === 1));
});

t.test('a master that dies is lost at once; the next one is found', async (t) => {
  const bench = new Bench(2);
  bench.lead('a');
  t.ok(await bench.until(() => bench.atMaster.includes('b open')));
  const atMs = bench.world.simulation.nowMs;
  bench.killMaster();
  t.ok(await bench.until(() => bench.atNode.at(-1) === 'lost'));
  t.ok(bench.world.simulation.nowMs - atMs < 100);
  bench.lead(null);
  const { dials } = bench;
  await bench.pass(500);
  t.equal(bench.dials, dials, 'nobody to look for');
  bench.lead('b');
  t.same(bench.atNode, ['opened', 'lost', 'opened']);
  t.ok(bench.link.isHere);
  bench.lead('c');
  t.same(bench.atNode, ['opened', 'lost', 'opened', 'lost']);
  t.notOk(bench.link.isOpen);
});

t.test('a channel that opens after another master was heard of is of no use', async (t) => {
  const bench = new Bench(3);
  bench.lead('a');
  bench.lead(null);
  await bench.pass(500);
  t.same(bench.atNode, []);
  t.same(bench.atMaster, [], 'it said nothing');
});

t.test('a node that comes again takes the place of its older channel', async (t) => {
  const bench = new Bench(4);
  bench.lead('a');
  t.ok(await bench.until(() => bench.atMaster.length === 1));
  bench.link.reset();
  t.ok(await bench.until(() => bench.atMaster.length === 3));
  t.same(bench.atMaster, ['b open', 'b gone', 'b open']);
  t.same(bench.atNode, ['opened', 'lost', 'opened']);
  bench.channels.closeAll();
  t.ok(await bench.until(() => bench.atNode.length > 3), 'the node learns of it');
});

t.test('who says what does not fit loses the channel, and may begin anew', async (t) => {
  const bench = new Bench(5);
  bench.lead('a');
  t.ok(await bench.until(() => bench.atMaster.includes('b open')));
  bench.fits = false;
  bench.link.send([
    { type: 'unsubscribe', consumer: 1 },
    { type: 'unsubscribe', consumer: 2 },
  ]);
  bench.link.flush();
  t.ok(await bench.until(() => bench.atMaster.length === 4));
  t.same(bench.atMaster, ['b open', 'b unsubscribe', 'b gone', 'b open'], 'and nothing behind it is heard');
  t.match(bench.warnings, [/closed the channel of node b: it sent what does not fit/]);
});

t.test('nothing that a stranger says does more than close its connection', async (t) => {
  const bench = new Bench(6);
  const words = ['CONNECT\n\n\0', '\0\0\0\u0001\u0002', '\0\0\0\u0005\u0001\u0001\u0001c\0', '\0\0\0\u0000'];
  for (const word of words) {
    const { connection, seen } = await bench.stranger();
    connection.write(encodeText(word));
    t.ok(await bench.until(() => seen.ends + seen.closes.length > 0), JSON.stringify(word));
  }
  const { connection, seen } = await bench.stranger();
  connection.write(new Uint8Array(4).fill(255));
  t.ok(await bench.until(() => seen.ends + seen.closes.length > 0), 'more than may be announced');
  t.same(bench.atMaster, []);
});

t.test('a side that takes nothing loses the channel before much has gathered', async (t) => {
  const bench = new Bench(7);
  bench.lead('a');
  t.ok(await bench.until(() => bench.atMaster.includes('b open')));
  bench.pauseMaster();
  const commands = [new Uint8Array(100 * 1024)];
  let sent = 0;
  while (bench.atNode.at(-1) !== 'lost' && sent < 1000) {
    bench.link.send([{ type: 'propose', number: sent++, over: 0, commands, sessions: [1] }]);
    bench.link.flush();
    await bench.pass(1);
  }
  t.ok(sent < 40, `${sent} × 100 KiB`);
  t.match(bench.warnings, [/it takes nothing/]);
});
