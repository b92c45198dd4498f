import t from 'tap';
import { fullAccess } from '../../src/access.ts';
import { errorOf } from '../session/support.ts';
import { ConnectionBench } from './support.ts';
import type { Access, AccessControl, Admission, Claim, Claimant, Permission } from '../../src/access.ts';

/** Answers when the test says so. */
class Doorkeeper implements AccessControl {
  readonly claims: Claim[] = [];
  readonly claimants: Claimant[] = [];
  readonly waiting: ((admission: Admission) => void)[] = [];
  atOnce: Admission | null = null;
  takenBack = 0;

  admit(claim: Claim, from: Claimant, answer: (admission: Admission) => void): () => void {
    this.claims.push(claim);
    this.claimants.push(from);
    if (this.atOnce === null) this.waiting.push(answer);
    else answer(this.atOnce);
    return () => (this.takenBack += 1);
  }
}

class Ann implements Access {
  readonly user = 'ann';
  generation = 1;
  revoked: string | null = null;
  readonly lacking = new Map<string, Permission>();

  lacks(wanted: 'read' | 'write', destination: string): Permission | null {
    return this.lacking.get(`${wanted} ${destination}`) ?? null;
  }
}

const CONNECT = 'CONNECT\naccept-version:1.2\nhost:h\nlogin:ann\npasscode:secret\nreceipt:c\n\n\0';

async function letIn(): Promise<{ bench: ConnectionBench; access: Ann; door: Doorkeeper }> {
  const access = new Ann();
  const door = new Doorkeeper();
  door.atOnce = { verdict: 'admitted', access };
  return { bench: await ConnectionBench.start({ access: door }), access, door };
}

t.test(
  'a CONNECT is judged by what it says and where it comes from; frames behind it wait for the answer',
  async (t) => {
    const door = new Doorkeeper();
    const bench = await ConnectionBench.start({ access: door });
    const client = await bench.connect();
    client.send(`${CONNECT}SEND\ndestination:/queue/a\nreceipt:1\n\nx\0`);
    await bench.until(() => door.waiting.length === 1);
    await bench.pass(100);
    t.same(door.claims, [{ login: 'ann', passcode: 'secret', host: 'h' }]);
    t.match(door.claimants, [{ remote: { host: 'client' }, certifiedNames: undefined }]);
    t.same(bench.broker.asked, [], 'nothing is done before');
    t.equal(client.chunks.length, 0);
    door.waiting[0]!({ verdict: 'admitted', access: fullAccess });
    await bench.until(() => client.frames.length === 2);
    t.match(client.frames, [/^CONNECTED\n/, 'RECEIPT\nreceipt-id:1']);
    t.same(bench.broker.asked, ['send /queue/a "" x']);
  },
);

t.test('who is refused gets an ERROR that says why, and none of his frames is done', async (t) => {
  for (const late of [false, true]) {
    const door = new Doorkeeper();
    const refusal: Admission = { verdict: 'refused', message: 'CONNECT: wrong', hint: 'Try the right one.' };
    if (!late) door.atOnce = refusal;
    const bench = await ConnectionBench.start({ access: door });
    const client = await bench.connect();
    client.send(`${CONNECT}SEND\ndestination:/queue/a\n\nx\0`);
    if (late) {
      await bench.until(() => door.waiting.length === 1);
      door.waiting[0]!(refusal);
    }
    await bench.until(() => client.ended);
    t.equal(errorOf(client.frames), 'CONNECT: wrong');
    t.match(client.frames[0], /receipt-id:c\n/);
    t.match(client.frames[0], /Try the right one\./);
    t.same(bench.broker.requests, []);
  }
});

t.test(
  'overload passes: the connection is closed without an ERROR, at once or when the time for CONNECT is over',
  async (t) => {
    const door = new Doorkeeper();
    const bench = await ConnectionBench.start({ access: door, limits: { connectMs: 5000 } });
    const [one, two] = [await bench.connect(), await bench.connect()];
    one.send(CONNECT);
    await bench.until(() => door.waiting.length === 1);
    two.send(CONNECT);
    await bench.until(() => door.waiting.length === 2);
    door.waiting[0]!({ verdict: 'overloaded', message: 'too many' });
    await bench.until(() => one.ended);
    t.equal(one.received.length, 0);
    await bench.pass(4000);
    t.notOk(two.ended);
    await bench.pass(1100);
    t.ok(two.ended);
    t.equal(two.received.length, 0);
    one.connection.end();
    two.connection.end();
    await bench.until(() => bench.count.open === 0);
    t.equal(door.takenBack, 1, 'nobody waits for the second answer');
    door.waiting[1]!({ verdict: 'admitted', access: fullAccess });
    t.same(bench.broker.requests, [], 'an answer that comes too late does nothing');
  },
);

t.test('a refused SEND or SUBSCRIBE: an ERROR that names destination and permission', async (t) => {
  const refused: [string, Permission, string, string][] = [
    [
      'write /queue/a',
      'write',
      'SEND\ndestination:/queue/a\nreceipt:1\n\nx\0',
      'SEND /queue/a: user ann has no write permission',
    ],
    [
      'write /queue/a',
      'create',
      'SEND\ndestination:a\nreceipt:1\n\nx\0',
      'SEND /queue/a: user ann has no create permission',
    ],
    [
      'read /topic/t',
      'read',
      'SUBSCRIBE\nid:1\ndestination:/topic/t\nreceipt:1\n\n\0',
      'SUBSCRIBE /topic/t: user ann has no read permission',
    ],
  ];
  for (const [wish, lacking, frame, told] of refused) {
    const { bench, access } = await letIn();
    access.lacking.set(wish, lacking);
    const client = await bench.connected();
    client.send(frame);
    await bench.until(() => client.ended);
    t.equal(errorOf(client.frames), told);
    t.match(client.frames.at(-1), /receipt-id:1\n/);
    t.same(bench.broker.asked, ['endSession clean']);
  }
});

t.test('permissions that change count at the next SEND, also to the same destination', async (t) => {
  const { bench, access } = await letIn();
  const client = await bench.connected();
  client.send('SEND\ndestination:/queue/a\nreceipt:1\n\nx\0');
  await bench.until(() => client.frames.length === 2);
  access.lacking.set('write /queue/a', 'write');
  access.generation += 1;
  client.send('SEND\ndestination:/queue/a\nreceipt:2\n\nx\0');
  await bench.until(() => client.ended);
  t.equal(errorOf(client.frames), 'SEND /queue/a: user ann has no write permission');
  t.same(bench.broker.asked, ['send /queue/a "" x', 'endSession clean']);
});

t.test(
  'who may no longer read what he subscribed to, or may be here no longer, is told and disconnected',
  async (t) => {
    const { bench, access } = await letIn();
    const reader = await bench.connected();
    reader.send('SUBSCRIBE\nid:1\ndestination:/queue/a\nreceipt:1\n\n\0');
    await bench.until(() => reader.frames.length === 2);
    const endpoint = bench.broker.endpoints.get(bench.broker.session)!;
    endpoint.accessChanged();
    await bench.pass(100);
    t.notOk(reader.ended, 'nothing has changed for him');
    access.lacking.set('read /queue/a', 'read');
    endpoint.accessChanged();
    await bench.until(() => reader.ended);
    t.equal(errorOf(reader.frames), 'SUBSCRIBE /queue/a: user ann has no read permission');
    const other = await bench.connected();
    access.revoked = 'ann is no user of this broker any more';
    bench.broker.endpoints.get(bench.broker.session)!.accessChanged();
    await bench.until(() => other.ended);
    t.equal(errorOf(other.frames), 'ann is no user of this broker any more');
  },
);
