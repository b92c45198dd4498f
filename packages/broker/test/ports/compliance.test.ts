import { NodeClock, NodeDisk, NodeNetwork, NodeRandom } from '@lockstep/broker';
import { clockCompliance, diskCompliance, networkCompliance, randomCompliance } from '@lockstep/testkit';
import type { Runner } from '@lockstep/testkit';
import t from 'tap';

const run: Runner = (work) => work();

t.test('disk', async (t) => diskCompliance(t, (t) => ({ port: new NodeDisk(t.testdir()), run })));

t.test('network', async (t) => networkCompliance(t, () => ({ port: new NodeNetwork(), host: '127.0.0.1', run })));

t.test('clock', async (t) => clockCompliance(t, () => ({ port: new NodeClock(), run })));

t.test('chance', async (t) => randomCompliance(t, new NodeRandom()));
