import { formatAddress } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import { configurationOf, membersOf } from '../../node/index.ts';
import type { Configuration, RecoveredLog } from '../../node/index.ts';
import type { MemberAddress } from '../replicated-log-options.ts';
import type { Identity } from '../storage-types.ts';

/** The configuration while the log holds none: of the founding members, or of nobody in a node that joined. */
export function foundingConfiguration(identity: Identity | null, configured: readonly MemberAddress[]): Configuration {
  const members = identity?.members ?? [];
  const witnesses = (identity?.witnesses ?? []).filter((id) => members.includes(id));
  const of = (id: NodeId): MemberAddress | undefined => configured.find((one) => one.id === id);
  const addresses = members.flatMap((id) => {
    const found = of(id);
    return found === undefined ? [] : [[id, formatAddress(found.address)] as const];
  });
  return { ...configurationOf(members), witnesses, addresses: Object.fromEntries(addresses) };
}

/** What was in use when the log was written to last. */
export function configurationFound(
  recovered: RecoveredLog,
  identity: Identity | null,
  configured: readonly MemberAddress[],
): Configuration {
  return recovered.configurations.at(-1)?.configuration ?? foundingConfiguration(identity, configured);
}

/**
 * Has this node no state machine? Settled for good when it becomes a member: `asked` is what the operator says until then.
 */
export function isWitness(node: NodeId, recovered: RecoveredLog, identity: Identity | null, asked: boolean): boolean {
  const found = recovered.configurations.at(-1)?.configuration;
  if (found !== undefined && membersOf(found).includes(node)) return found.witnesses.includes(node);
  return identity === null ? asked : (identity.witnesses?.includes(node) ?? false);
}
