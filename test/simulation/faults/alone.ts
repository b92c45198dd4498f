import { InvariantViolation } from '../invariants.ts';
import type { SimCluster, SimNode } from '../sim-cluster.ts';

/** What was under way when the wires were cut has been dealt with. */
const settledMs = 150;
/** By then a leader has noticed that nobody answers: five election time-outs. */
const noticedMs = 2500;

/**
 * Watches a member that was just cut off from all others. It must not enter a term, since nobody has said that it could win
 * (thesis §9.6), and must not go on leading (thesis §6.2). Returns what to call while it is still cut off.
 */
export function watchAlone(cluster: SimCluster, member: SimNode): () => void {
  const { simulation, wires } = cluster.world;
  const { process } = member;
  const { heals } = wires;
  const { pauses } = cluster;
  const began = simulation.nowMs;
  let term: number | null = null;
  const raft = (): NonNullable<SimNode['node']>['log']['raft'] => {
    const disturbed = member.process !== process || wires.heals !== heals || cluster.pauses !== pauses;
    return disturbed || process?.state !== 'running' ? null : (member.node?.log.raft ?? null);
  };
  simulation.schedule(settledMs, 'watch', null, () => (term = raft()?.term ?? null));
  return () => {
    const now = raft();
    if (now === null || term === null || now.configuration.voters.length === 1) return;
    if (now.term !== term)
      cluster.failure ??= new InvariantViolation(
        'no term without a pre-vote',
        `${member.name}, cut off in term ${term}, is in term ${now.term}`,
      );
    if (now.role === 'leader' && simulation.nowMs - began > noticedMs)
      cluster.failure ??= new InvariantViolation(
        'no leader without a majority',
        `${member.name}, cut off for ${Math.round(simulation.nowMs - began)} ms, still leads`,
      );
  };
}
