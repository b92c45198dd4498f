import type { BrokerId, NodeId } from '@lockstep/kernel';

import type { MemberOutcome } from '@lockstep/raft-log';

import type {
  BrokerNodeOptions,
  MembersAnswer,
  MembersChange,
  NodeRole,
  NodeStatus,
  RunningNode,
} from '../src/node/types.ts';

/** A node that opens its listeners and does what it is told to; no broker behind it. */
export class FakeNode implements RunningNode {
  readonly listeners: RunningNode['listeners'];
  readonly peerAddress: RunningNode['peerAddress'];
  readonly failureListeners: ((error: Error) => void)[] = [];
  role: NodeRole = 'master';
  ready = true;
  stops = 0;
  readonly #options: Pick<BrokerNodeOptions, 'broker' | 'node'>;

  constructor(
    options: Pick<BrokerNodeOptions, 'broker' | 'node'> = { broker: 'paris' as BrokerId, node: 'a' as NodeId },
    bound: { listeners?: RunningNode['listeners']; peers?: RunningNode['peerAddress'] } = {},
  ) {
    this.#options = options;
    this.listeners = bound.listeners ?? [];
    this.peerAddress = bound.peers ?? null;
  }

  status(): NodeStatus {
    const { broker, node } = this.#options;
    const master = this.role === 'master' ? node : null;
    const self = { id: node, address: '127.0.0.1:1', role: this.role, matchIndex: 7, lagEntries: 0, alive: true };
    const indices = { term: 3, commitIndex: 7, lastIndex: 9 };
    const failover = 'failover:(tcp://127.0.0.1:61613)';
    return {
      broker,
      node,
      role: this.role,
      master,
      ...indices,
      members: [self],
      version: '1',
      connections: 0,
      failover,
    };
  }

  queues(): ReturnType<RunningNode['queues']> {
    return [{ name: '/queue/a', depth: 2, bytes: 10, consumers: 1, unsettled: 1 }];
  }

  /** What was asked of it, as JSON. */
  readonly asked: string[] = [];
  outcome: MemberOutcome = { done: true };

  async members(): Promise<MembersAnswer> {
    const { node, members } = this.status();
    return { by: node, confirmed: true, members: members.map((member) => ({ ...member, part: 'voter' })) };
  }

  async changeMembers(change: MembersChange): Promise<MemberOutcome> {
    this.asked.push(JSON.stringify(change));
    return this.outcome;
  }

  async transfer(to: NodeId | null): Promise<MemberOutcome> {
    this.asked.push(JSON.stringify({ transfer: to }));
    return this.outcome;
  }

  async explain(subject: string): ReturnType<RunningNode['explain']> {
    this.asked.push(subject);
    const { node: by } = this.status();
    const reasons = [{ code: 'no-consumer', text: 'nobody has subscribed: start a consumer', ready: 2 }] as const;
    return subject === ''
      ? null
      : { subject, kind: 'queue', by, confirmed: this.ready, summary: '2 messages', reasons };
  }

  readiness(): ReturnType<RunningNode['readiness']> {
    const waiting = { clients: 3, forMs: 1200, closedInMs: 18_800 };
    return this.ready ? { ready: true, reason: 'master' } : { ready: false, reason: 'no master is known', waiting };
  }

  onFailure(listener: (error: Error) => void): void {
    this.failureListeners.push(listener);
  }

  onRoleChange(): void {}

  stop(): Promise<void> {
    this.stops += 1;
    return Promise.resolve();
  }
}
