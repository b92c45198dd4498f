import { assert } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import type { ReplicatedLogOptions } from './replicated-log-options.ts';
import type { Identity, Storage } from './storage-types.ts';

/** What is in the data directory is of another node, or of another broker. */
export class ForeignDataError extends Error {
  override readonly name = 'ForeignDataError';
}

/** Does what is in the data directory belong to this node of this broker? @throws an Error that says what does not fit. */
export function checkIdentity(options: ReplicatedLogOptions, storage: Storage): void {
  const { node, broker, members, listen } = options;
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
}

function checkOwner(identity: Identity, broker: string, node: NodeId): void {
  if (identity.broker === broker && identity.node === node) return;
  throw new ForeignDataError(
    `the data directory belongs to node ${identity.node} of the logical broker ${identity.broker}, not to node ${node} of ${broker}`,
  );
}
