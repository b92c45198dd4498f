import type { NodeId } from '@lockstep/kernel';
import type { AnswerQuestion, LogMemberStatus, MemberQuestions } from '@lockstep/raft-log';
import t from 'tap';

import { Explainer } from '../../../src/node/explain/explainer.ts';
import type { ExplainerPorts } from '../../../src/node/explain/explainer.ts';
import { HostBench } from '../host-bench.ts';
import { codes, subscription, view } from './bench.ts';

const [a, b, c, d] = ['a', 'b', 'c', 'd'] as [NodeId, NodeId, NodeId, NodeId];

/** Members that ask each other; the one that leads is the host's. */
class Members {
  leader: NodeId | null = a;
  /** What the others say, whatever they are asked. */
  readonly answers = new Map<NodeId, unknown>();
  readonly asked: [NodeId, unknown][] = [];
  #answer: AnswerQuestion = async () => null;

  get questions(): MemberQuestions {
    return {
      onQuestion: (answer) => void (this.#answer = answer),
      askLeader: async (question) => {
        const by = this.leader;
        if (by === null) return null;
        const answer = by === a ? await this.#answer(question, true) : this.answers.get(by);
        return answer === null || answer === undefined ? null : { by, answer };
      },
      ask: async (member, question) => {
        this.asked.push([member, question]);
        return this.answers.get(member) ?? null;
      },
    };
  }

  /** As another member asks it of this one. */
  ask(question: unknown, asLeader: boolean): Promise<unknown> {
    return this.#answer(question, asLeader);
  }
}

function member(id: NodeId, more: Partial<LogMemberStatus> = {}): LogMemberStatus {
  const known = { address: null, part: 'voter', reachable: true, alive: true, standing: 'voter' } as const;
  return { id, ...known, matchIndex: 1, lag: 0, ...more };
}

interface Set {
  readonly bench: HostBench;
  readonly members: Members;
  readonly explainer: Explainer;
}

async function start(more: Partial<ExplainerPorts> = {}): Promise<Set> {
  const bench = await HostBench.start();
  const members = new Members();
  const { clock } = bench.world.host('explainer').start();
  const explainer = new Explainer({
    ...{ node: a, clock, broker: bench.broker, questions: members.questions, topicBacklogBytes: 1000 },
    members: () => [member(a), member(b), member(c, { alive: false }), member(d, { part: 'witness' })],
    master: () => members.leader,
    whyNoMaster: () => ({ text: 'no master is known', facts: { needed: 2 } }),
    clients: () => 1,
    waiting: () => null,
    standsStill: () => false,
    client: (session) => bench.host.client(session),
    leaseLeftMs: () => null,
    intake: () => ({
      ...{ storeBytes: 0, storeBytesMax: Infinity, indexBytes: 0, indexBytesMax: Infinity },
      disk: { pressure: 'none', reason: null },
    }),
    ...more,
  });
  return { bench, members, explainer };
}

t.test('the master asks the nodes that are there for their clients, and its own', async (t) => {
  const { bench, members, explainer } = await start();
  bench.attach('s');
  bench.subscribe('s', 1, 1);
  await bench.settle();
  bench.send('s', 2);
  bench.send('s', 3);
  await bench.settle();
  const explanation = await explainer.explain('q');
  t.match(explanation, {
    ...{ subject: '/queue/q', kind: 'queue', by: a, confirmed: true },
    summary: '2 messages (20 bytes), 1 ready, 1 with consumers or being settled; 1 consumer',
    reasons: [{ code: 'windows-full', consumers: [{ node: a, session: 's', client: '127.0.0.1:5000' }] }],
  });
  t.same(members.asked, [[b, { view: '/queue/q' }]], 'neither who is dead, nor a witness, nor itself');
});

t.test('a message: held, ready with the reasons of its queue, gone; and one that nobody stores', async (t) => {
  const { bench, members, explainer } = await start();
  const endpoint = bench.attach('s');
  bench.subscribe('s', 1, 1);
  await bench.settle();
  bench.send('s', 2);
  bench.send('s', 3);
  await bench.settle();
  const [held, ready] = [...bench.live];
  t.match(await explainer.explain(`${held}`), {
    ...{ subject: `${held}`, kind: 'message', confirmed: true },
    reasons: [{ code: 'held', consumer: { session: 's' } }],
  });
  t.match(await explainer.explain(`${ready}`), { reasons: [{ code: 'windows-full' }] });
  endpoint.unsentBytes = 1 << 20;
  t.match(await explainer.explain(`${held}`), {
    reasons: [{ code: 'held' }, { code: 'slow-socket', session: 's', unsentBytes: 1 << 20 }],
  });
  bench.attach('u').unsentBytes = 1 << 20;
  bench.subscribe('u', 1, 1);
  await bench.settle();
  members.answers.set(b, view({ waiting: { clients: 1, forMs: 1, closedInMs: null } }));
  const others = await explainer.explain(`${held}`);
  t.same(codes(others!.reasons), ['held', 'slow-socket'], 'neither another client, nor another node');
  bench.ack('s', 4, [2]);
  await bench.settle();
  t.match(await explainer.explain(`${held}`), { summary: 'not there', reasons: [{ code: 'unknown-message' }] });
  t.match(await explainer.explain('v1-1'), { reasons: [{ code: 'not-stored' }] });
});

t.test('a topic, with the subscribers of other nodes and what they do not keep up with', async (t) => {
  const { members, explainer } = await start();
  const behind = subscription({ consumer: null, waitingMessages: 3, waitingBytes: 300 });
  members.answers.set(b, view({ subscriptions: [behind] }));
  t.match(await explainer.explain('/topic/t'), {
    ...{ kind: 'topic', summary: '1 subscriber, for whom 3 messages wait' },
    reasons: [{ code: 'subscriber-behind', node: b, backlogBytesMax: 1000 }],
  });
});

t.test('a name that is nearly that of a queue', async (t) => {
  const { bench, explainer } = await start();
  bench.attach('s');
  bench.send('s', 1, 10, '/queue/orders');
  await bench.settle();
  t.match(await explainer.explain('order'), { reasons: [{ code: 'unknown-destination', nearest: '/queue/orders' }] });
  t.equal(await explainer.explain('/queue/'), null);
});

t.test('another is the master: it is asked, and what it says is passed on as it is', async (t) => {
  const { members, explainer } = await start();
  members.leader = b;
  const said = { subject: '/queue/q', by: b, confirmed: true, summary: 'x', reasons: [{ code: 'later', text: 'new' }] };
  members.answers.set(b, said);
  t.equal(await explainer.explain('q'), said as never, 'also a reason that this version does not know');
});

t.test('no master, one that does not answer, and one that says what makes no sense', async (t) => {
  const { bench, members, explainer } = await start();
  bench.attach('s');
  bench.send('s', 1);
  await bench.settle();
  await bench.follow();
  members.leader = null;
  t.match(await explainer.explain('q'), {
    ...{ by: a, confirmed: false, summary: '1 message (10 bytes)' },
    reasons: [{ code: 'no-master', text: 'no master is known', needed: 2 }],
  });
  members.leader = b;
  const answers = [null, 5, 'x', [], {}, { summary: 'x', reasons: 1 }, { summary: 'x', reasons: [null] }];
  for (const answer of answers) {
    members.answers.set(b, answer);
    const explanation = await explainer.explain('q');
    t.match(explanation, { by: a, confirmed: false, reasons: [{ code: 'master-silent', master: b }] });
    t.equal(explanation?.reasons.length, 1);
  }
});

t.test('subscribers that this node knows are told of without a master too', async (t) => {
  const { bench, members, explainer } = await start();
  bench.attach('s');
  bench.subscribe('s', 1, 1, '/topic/t');
  await bench.settle();
  members.leader = null;
  const explanation = await explainer.explain('/topic/t');
  t.match(explanation, { summary: '1 subscriber on this node, for whom 0 messages wait' });
  t.same(codes(explanation!.reasons), ['no-master']);
});

t.test('clients that wait, here or elsewhere, come first', async (t) => {
  const waiting = { clients: 2, forMs: 1000, closedInMs: 19_000 };
  const { members, explainer } = await start();
  members.answers.set(b, view({ waiting }));
  t.match(await explainer.explain('q'), {
    reasons: [{ code: 'node-waits', node: b }, { code: 'unknown-destination' }],
  });
});

t.test('questions of other members: answered, or with nothing', async (t) => {
  const { bench, members } = await start({ waiting: () => ({ clients: 1, forMs: 5, closedInMs: null }) });
  bench.attach('s');
  bench.subscribe('s', 1);
  await bench.settle();
  t.match(await members.ask({ view: '/queue/q' }, false), {
    ...{ node: a, clients: 1, waiting: { forMs: 5 }, heldUpBy: null },
    ...{ applied: bench.broker.applied, waitsForApply: false, standsStill: false },
    subscriptions: [{ session: 's', client: '127.0.0.1:5000', consumer: 1, unsettled: 0, unsentBytes: 0 }],
  });
  t.match(await members.ask({ explain: '/queue/q' }, true), { by: a, confirmed: true });
  for (const question of [null, 1, 'x', {}, { view: 1 }, { explain: 1 }, { explain: '/queue/' }]) {
    t.equal(await members.ask(question, true), null, JSON.stringify(question));
  }
  t.equal(
    await members.ask({ explain: '/queue/q' }, false),
    null,
    'who is not asked as the leader does not speak as it',
  );
});
