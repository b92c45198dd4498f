import { formatAddress } from '@lockstep/kernel';

import { parseAddress } from '../config/addresses.ts';
import { idAllowed, idPattern } from '../config/leaves.ts';
import type { MembersAnswer, PartMember } from '../node/types.ts';
import { adminUrlOf, askAdmin } from './admin-client.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { aliveText, showOrWatch } from './status.ts';
import type { StatusFlags } from './status.ts';
import { textTable } from './text-table.ts';

export interface ChangeFlags {
  readonly admin?: string;
  readonly witness?: boolean;
}

function partText({ part, role }: PartMember): string {
  if (part === 'joining') return `${role}, will vote`;
  return part === 'leaving' ? `${role}, leaving` : role;
}

/** For people. */
export function showMembers({ by, confirmed, members }: MembersAnswer): string {
  const table = textTable(
    ['node', 'role', 'peer address', 'entries', 'behind', 'alive'],
    members.map((member) => [
      member.id,
      partText(member),
      member.address,
      member.matchIndex === null ? '–' : String(member.matchIndex),
      member.lagEntries === null ? '–' : String(member.lagEntries),
      aliveText(member),
    ]),
  );
  const obstacles = members.flatMap(({ id, obstacle }) => (obstacle === undefined ? [] : [`node ${id}: ${obstacle}`]));
  const known = [table, ...obstacles].join('\n');
  return confirmed ? known : `${known}\n\nThis is what node ${by} last knew: no master has confirmed it.`;
}

export async function members(flags: StatusFlags): Promise<void> {
  const url = adminUrlOf(flags.admin);
  await showOrWatch(flags, async () => {
    const answer = (await askAdmin(url, 'GET', '/api/v1/members')) as MembersAnswer;
    return flags.json === true ? JSON.stringify(answer) : showMembers(answer);
  });
}

function checkedId(id: string): string {
  if (idPattern.test(id)) return id;
  throw new CommandError(exitCodes.usage, `'${id}': a member's id must be ${idAllowed}`);
}

export async function addMember(member: string, flags: ChangeFlags): Promise<void> {
  const at = member.indexOf('=');
  const text = member.slice(at + 1);
  const address = at > 0 && text.includes(':') ? parseAddress(text) : undefined;
  if (address === undefined || address.port === 0) {
    throw new CommandError(exitCodes.usage, `'${member}': must be ID=HOST:PORT, as d=127.0.0.1:61649`);
  }
  const id = checkedId(member.slice(0, at));
  const { witness = false } = flags;
  await askAdmin(adminUrlOf(flags.admin), 'POST', '/api/v1/members', { id, address: formatAddress(address), witness });
  console.log(
    `node ${id} is a member at ${formatAddress(address)}; it votes once it has caught up: see \`lockstep members\``,
  );
}

export async function removeMember(given: string, flags: ChangeFlags): Promise<void> {
  const id = checkedId(given);
  await askAdmin(adminUrlOf(flags.admin), 'DELETE', `/api/v1/members/${id}`);
  console.log(
    `node ${id} leaves; when \`lockstep members\` shows it no more, its process can be stopped and its data removed`,
  );
}

export async function promoteMember(given: string, flags: ChangeFlags): Promise<void> {
  const id = checkedId(given);
  await askAdmin(adminUrlOf(flags.admin), 'POST', `/api/v1/members/${id}/promote`, {});
  console.log(`node ${id} votes once it has caught up`);
}

export async function transfer(to: string | undefined, flags: ChangeFlags): Promise<void> {
  const url = adminUrlOf(flags.admin);
  await askAdmin(url, 'POST', '/api/v1/transfer', to === undefined ? {} : { to: checkedId(to) });
  console.log(to === undefined ? 'another node is the master now' : `node ${to} is the master now`);
}
