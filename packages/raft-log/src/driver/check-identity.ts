import { assert } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import type { ReplicatedLogOptions } from './replicated-log-options.ts';
import type { Identity, Storage } from './storage-types.ts';

/** Does what is in the data directory belong to this node of this broker? @throws an Error that says what does not fit. */
export function checkIdentity(options: ReplicatedLogOptions, storage: Storage): void {
  const { node, broker, members, listen, log } = options;
  const { identity, recovered } = storage;
  const ids = members.map((member) => member.id);
  assert(new Set(ids).size === ids.length && ids.includes(node), 'the members must be distinct and include this node');
  assert(listen !== null || ids.length === 1, 'a node of several needs an address to listen at');
  if (identity === null) {
    // The standing of a node that was about to join may be there already; entries may not.
    if (recovered.lastIndex === 0 && recovered.hardState.term === 0) return;
    throw new Error('the data directory holds a journal, but no identity: it is not whole, so the node does not start');
  }
  checkOwner(identity, broker, node);
  if (identity.members.length === ids.length && identity.members.every((id) => ids.includes(id))) return;
  log.warn(
    `the configuration names the members ${ids.join(', ')}, the data directory ${identity.members.join(', ')}: the latter counts`,
  );
  const unknown = identity.members.filter((id) => !ids.includes(id));
  if (unknown.length > 0) log.warn(`no address is configured for ${unknown.join(', ')}: this node can't reach them`);
}

function checkOwner(identity: Identity, broker: string, node: NodeId): void {
  if (identity.broker === broker && identity.node === node) return;
  throw new Error(
    `the data directory belongs to node ${identity.node} of the logical broker ${identity.broker}, not to node ${node} of ${broker}`,
  );
}
