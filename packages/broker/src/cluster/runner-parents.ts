import { readFileSync } from 'node:fs';

/** How often the processes above the runner are looked at. */
const LOOK_MS = 500;
const PARENTS_MAX = 16;

interface Parent {
  /** Of the process below. */
  readonly pid: number;
  readonly command: string;
}

/** What runs this program as a script: `npx pnpm@12 run cluster` is npm, a shell, pnpm and another shell above it. */
const packageManager = /^(?:\S*\/)?(?:npm|npx|pnpm|yarn)(?:\s|$)|[/\\](?:npm|npx|pnpm|yarn)(?:-cli)?\.[cm]?js\b/;

function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // Gone, or this system has no /proc.
    return null;
  }
}

/** The process that waits for `pid`; null where nobody can tell. */
export function parentOf(pid: number): number | null {
  const stat = readProc(pid, 'stat');
  // The name of the program is in parentheses, and may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? null : Number(fields[1]);
}

function parents(ofPid: number): readonly Parent[] {
  const chain: Parent[] = [];
  let pid = parentOf(ofPid);
  while (pid !== null && pid > 1 && chain.length < PARENTS_MAX) {
    chain.push({
      pid,
      command: (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ').replace(/^(?:\S*\/)?node /, ''),
    });
    pid = parentOf(pid);
  }
  return chain;
}

/** How many of the processes above, from the nearest on, belong to the package managers that run this program. */
export function runnersAbove(commands: readonly string[]): number {
  let runners = 0;
  for (const [index, command] of commands.entries()) {
    if (packageManager.test(command)) runners = index + 1;
    else if (!/^(?:\S*\/)?(?:sh|bash|dash|ash|zsh) -c /.test(command)) break;
  }
  return runners;
}

/**
 * Calls back once when one of the package managers that run this program has gone. npm's `npx` is ended by a signal without passing
 * it on, and what it ran would go on for ever, with all its ports. Where there is no /proc nothing is watched.
 */
export function watchRunners(gone: () => void): void {
  const above = parents(process.pid);
  const links: { readonly child: number; readonly parent: number }[] = [];
  let child = process.pid;
  for (const { pid } of above.slice(0, runnersAbove(above.map(({ command }) => command)))) {
    links.push({ child, parent: pid });
    child = pid;
  }
  if (links.length === 0) return;
  const looking = setInterval(() => {
    if (links.every(({ child: below, parent }) => parentOf(below) === parent)) return;
    clearInterval(looking);
    gone();
  }, LOOK_MS);
}
