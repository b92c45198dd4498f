import { formatAddress } from '@lockstep/kernel';
import type { LogMemberStatus, MemberOutcome, MembershipChange } from '@lockstep/raft-log';

import { isLoopback } from '../config/addresses.ts';
import type { MembersChange } from './types.ts';

type Refusal = Extract<MemberOutcome, { readonly done: false }>;

/**
 * What a person asks for, as the log takes it. `proven`: members prove themselves to each other, so that they may be anywhere.
 */
export function membershipChange(
  change: MembersChange,
  members: readonly LogMemberStatus[],
  proven: boolean,
): MembershipChange | Refusal {
  if (change.type === 'remove') return { remove: [change.id] };
  if (change.type === 'promote') return { promote: [change.id] };
  const { id, address, witness } = change;
  const text = formatAddress(address);
  if (!proven && !isLoopback(address.host)) {
    const hint = 'configure cluster.secretFile or cluster.tls on all nodes first';
    return refusal(`${text} is beyond loopback, where anybody could pose as a member: ${hint}`);
  }
  const holder = members.find((member) => member.address !== null && formatAddress(member.address) === text);
  if (holder !== undefined && holder.id !== id) return refusal(`${text} is the address of node ${holder.id} already`);
  const known = members.find((member) => member.id === id);
  if (known === undefined) return { add: [{ id, role: 'voter', witness, address: text }] };
  if (holder === known) return refusal(`node ${id} is a member already, at ${text}`);
  if (witness !== (known.part === 'witness')) return refusal(`node ${id} is a member already: remove it first`);
  return { addresses: { [id]: text } };
}

function refusal(reason: string): Refusal {
  return { done: false, why: 'refused', reason };
}
