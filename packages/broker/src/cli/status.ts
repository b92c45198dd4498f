import type { MemberStatus, NodeRole, NodeStatus } from '../node/types.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { textTable } from './text-table.ts';

const DEFAULT_ADMIN = 'http://127.0.0.1:8161';
const ANSWER_MS = 5000;
const WATCH_MS = 1000;

export interface StatusFlags {
  readonly admin?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

/** `HOST:PORT` will do. */
function baseUrl(text: string): URL {
  try {
    const url = new URL(text.includes('://') ? text : `http://${text}`);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // Said below.
  }
  throw new CommandError(exitCodes.usage, `--admin: '${text}': must be a URL, as ${DEFAULT_ADMIN}`);
}

async function ask(url: URL): Promise<NodeStatus> {
  let response: Response;
  try {
    response = await fetch(new URL('/api/v1/status', url), { signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (error) {
    const hint = 'is the node running, and is its admin port there? `--admin URL` names another';
    throw new CommandError(exitCodes.unreachable, `nobody answers at ${url.host}: ${hint}`, error);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer as NodeStatus;
  const reason = (answer as { reason?: string } | null)?.reason ?? `it answered ${response.status}`;
  throw new CommandError(exitCodes.failed, `${url.host} gives no status: ${reason}`);
}

function alive({ alive: is }: MemberStatus): string {
  return is === null ? '–' : is ? 'yes' : 'NO';
}

function roleText(role: NodeRole, master: string | null): string {
  if (role === 'master') return 'is the master';
  return master === null ? `is a ${role}, and knows no master` : `is a ${role} of ${master}`;
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
      alive(member),
    ]),
  );
  return [
    `broker ${broker}: node ${node} ${roleText(role, master)} (term ${term}, Lockstep ${version})`,
    `${commitIndex} of ${lastIndex} entries committed; ${connections} client connections on this node`,
    `clients connect to ${status.failover}`,
    '',
    table,
  ].join('\n');
}

export async function status(flags: StatusFlags): Promise<void> {
  const url = baseUrl(flags.admin ?? process.env['LOCKSTEP_ADMIN_URL'] ?? DEFAULT_ADMIN);
  const show = async (): Promise<string> => {
    const answer = await ask(url);
    return flags.json === true ? JSON.stringify(answer) : showStatus(answer);
  };
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
