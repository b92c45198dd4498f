import type { Broker } from '@lockstep/core';
import type { ReplicatedLog } from '@lockstep/raft-log';

import { votersInReach } from '../node-status.ts';
import type { SessionHost } from '../session-host.ts';
import type { BrokerNodeOptions, NodeStatus, Readiness } from '../types.ts';
import { Explainer } from './explainer.ts';

export interface ExplainedNode {
  readonly options: BrokerNodeOptions;
  readonly log: ReplicatedLog;
  readonly broker: Broker;
  readonly host: SessionHost;
  readonly status: () => NodeStatus;
  readonly readiness: () => Readiness;
}

/** The explainer of a real node. */
export function explainerOf({ options, log, broker, host, status, readiness }: ExplainedNode): Explainer {
  const { node, clock, journal, limits } = options;
  return new Explainer({
    ...{ node, clock, broker, questions: log.members.questions, topicBacklogBytes: limits.topicBacklogBytes },
    members: () => log.status.members,
    master: () => status().master,
    whyNoMaster: () => {
      const { reached, missing, needed } = votersInReach(log.status);
      const { reason: text, waiting } = readiness();
      return { text, facts: { reached, missing, needed, ...waiting } };
    },
    clients: () => status().connections,
    waiting: () => status().waiting ?? null,
    standsStill: () => host.standsStill,
    client: (session) => host.client(session),
    leaseLeftMs: (member) => host.leaseLeftMs(member),
    intake: () => ({
      ...{ storeBytes: broker.storeBytes, storeBytesMax: journal.hardLimitBytes ?? Infinity },
      ...{ indexBytes: broker.indexBytes, indexBytesMax: limits.indexBytes, disk: log.disk.state },
    }),
  });
}
