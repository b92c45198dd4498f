import type { BrokerNodeOptions } from '@lockstep/broker';
import { StreamRules } from '@lockstep/core';

import type { Mutant } from './mutant.ts';
import { epochReused, holes, sentAgain } from './stream-edits.ts';

/** A process that comes back goes on with the stream of the one before it. */
class ReusesEpochs extends StreamRules {
  override epochOf(open: Parameters<StreamRules['epochOf']>[0], run: string, position: number): number {
    return open?.epoch ?? super.epochOf(open, run, position);
  }
}

/** What is missing between two numbers is not missed, and a node forgets one of what it has to send again. */
class LeavesHoles extends StreamRules {
  override takesNumber(last: number, number: number): boolean {
    return number > last;
  }
  override resendFrom(applied: number): number {
    return applied + 2;
  }
}

/** What was sent before is taken as if it were new. */
class ForgetsNumbers extends StreamRules {
  override takesNumber(): boolean {
    return true;
  }
}

/** Names only what its clients have not answered for. */
class ForgetsSettlements extends StreamRules {
  override heldForAttach(settling: boolean): boolean {
    return !settling;
  }
}

class StartsAtOnce extends StreamRules {
  override mayStart(): boolean {
    return true;
  }
}

/** What a node holds goes to others as soon as it falls silent. */
class IgnoresLeases extends StreamRules {
  override leaseOver(): boolean {
    return true;
  }
}

class DropsLate extends StreamRules {
  override takesLate(): boolean {
    return false;
  }
}

/** `faults`: those that bring about what shows the bug; left out: all. */
function broken(
  name: string,
  streamRules: StreamRules,
  { faults, ...more }: Partial<Mutant> & { readonly faults?: readonly string[] } = {},
): Mutant {
  const options = (plain: BrokerNodeOptions): BrokerNodeOptions => ({ ...plain, streamRules });
  return { name, mutation: () => ({ options, ...(faults === undefined ? {} : { faults }) }), ...more };
}

/** Brokers that break a rule of the nodes' proposal streams, or of what nodes hold. */
export const streamMutants: readonly Mutant[] = [
  broken(epochReused.name, new ReusesEpochs(), { edits: epochReused.edits }),
  broken(holes.name, new LeavesHoles(), { edits: holes.edits }),
  broken(sentAgain.name, new ForgetsNumbers(), {
    edits: sentAgain.edits,
    faults: ['kill', 'transfer', 'slowLinks', 'breakConnections'],
  }),
  broken('an attachment leaves out what was acknowledged above the watermark', new ForgetsSettlements()),
  broken('a queue starts before the nodes that may hold some of it have attached', new StartsAtOnce()),
  broken('a lease ignored', new IgnoresLeases()),
  broken('the acknowledgement of an old holder dropped', new DropsLate(), { faults: ['pause'] }),
];
