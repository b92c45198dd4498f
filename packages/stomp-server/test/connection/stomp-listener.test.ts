import t from 'tap';
import { SimRandom } from '@lockstep/testkit';
import { SessionIds } from '../../src/connection/session-ids.ts';
import { ConnectionBench } from './support.ts';
import type { NodeId } from '@lockstep/kernel';

t.test(
  'above the limit: open for a while, then closed without a word; a place that is free again is given',
  async () => {
    const bench = await ConnectionBench.start({ connectionsMax: 1 });
    const first = await bench.connected();
    const second = await bench.connect();
    second.send('CONNECT\n\n\0');
    await bench.pass(1400);
    t.notOk(second.closed);
    await bench.until(() => second.closed);
    t.equal(second.received.length, 0);
    first.connection.destroy();
    await bench.until(() => bench.count.open === 0);
    const third = await bench.connected();
    t.equal(third.frames.length, 1);
  },
);

t.test('session ids are plain, and differ from start to start', async () => {
  const ids = new SessionIds('b:\\ 1' as NodeId, new SimRandom(1));
  const [one, two] = [ids.next(), ids.next()];
  t.match(one, /^[A-Za-z0-9._-]+$/);
  t.not(one, two);
  t.not(new SessionIds('b:\\ 1' as NodeId, new SimRandom(2)).next(), one);
});
