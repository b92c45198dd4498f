import { countText, spanText } from '../node/explain/wording.ts';
import type { MemberStatus, NodeRole, NodeStatus } from '../node/types.ts';
import { adminUrlOf, askAdmin } from './admin-client.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { textTable } from './text-table.ts';

const WATCH_MS = 1000;

export interface StatusFlags {
  readonly admin?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

export function aliveText({ alive: is }: MemberStatus): string {
  return is === null ? '–' : is ? 'yes' : 'NO';
}

function roleText(role: NodeRole, master: string | null): string {
  if (role === 'master') return 'is the master';
  return master === null ? `is a ${role}, and knows no master` : `is a ${role} of ${master}`;
}

function waitingLines({ waiting }: NodeStatus): readonly string[] {
  if (waiting === undefined) return [];
  const { clients, forMs, closedInMs } = waiting;
  const since = `no way to a master for ${spanText(forMs)}`;
  if (clients === 0) return [`${since}; no clients wait here`];
  const end = closedInMs === null ? '' : `, for ${spanText(closedInMs)} at most`;
  return [`${since}: clients of this node wait${end}; its /readyz says what is missing`];
}

/** For people. */
export function showStatus(status: NodeStatus): string {
  const { broker, node, role, master, term, commitIndex, lastIndex, connections, members, version } = status;
  const table = textTable(
    ['node', 'role', 'peer address', 'entries', 'behind', 'alive'],
    members.map((member) => [
      member.id,
      member.role,
      member.address,
      member.matchIndex === null ? '–' : String(member.matchIndex),
      member.lagEntries === null ? '–' : String(member.lagEntries),
      aliveText(member),
    ]),
  );
  return [
    `broker ${broker}: node ${node} ${roleText(role, master)} (term ${term}, Lockstep ${version})`,
    `${commitIndex} of ${lastIndex} entries committed; ${countText(connections, 'client connection')} on this node`,
    ...waitingLines(status),
    `clients connect to ${status.failover}`,
    '',
    table,
  ].join('\n');
}

export async function status(flags: StatusFlags): Promise<void> {
  const url = adminUrlOf(flags.admin);
  await showOrWatch(flags, async () => {
    const answer = (await askAdmin(url, 'GET', '/api/v1/status')) as NodeStatus;
    return flags.json === true ? JSON.stringify(answer) : showStatus(answer);
  });
}

/** Prints what `show` makes, once or for ever. */
export async function showOrWatch(flags: StatusFlags, show: () => Promise<string>): Promise<void> {
  if (flags.watch !== true) {
    console.log(await show());
    return;
  }
  for (;;) {
    // What can't be reached now may come back: that is what one watches for.
    const text = await show().catch((error: unknown) => {
      if (error instanceof CommandError && error.exitCode !== exitCodes.usage) return error.message;
      throw error;
    });
    const clear = process.stdout.isTTY === true && flags.json !== true ? '\u001B[2J\u001B[H' : '';
    console.log(`${clear}${text}`);
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  }
}
