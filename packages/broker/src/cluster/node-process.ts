import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

import { endsWithStdin } from './ends-with-stdin.ts';

export interface NodeProcessOptions {
  /** The program and what comes before a node's own arguments. */
  readonly command: readonly [string, ...string[]];
  readonly args: readonly string[];
  readonly logFile: string;
  readonly onLine: (line: string) => void;
  readonly onExit: (how: string) => void;
}

/** The environment of a node: nothing in it may change what its flags say. */
function nodeEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKSTEP_'));
  return { ...Object.fromEntries(inherited), [endsWithStdin]: '1' };
}

/** The process of one node. It ends with this one, even when this one is killed with SIGKILL and even while it is paused. */
export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #guard: ChildProcess | null = null;
  #running = true;

  constructor({ command, args, logFile, onLine, onExit }: NodeProcessOptions) {
    const [program, ...before] = command;
    // Detached: Ctrl-C in the terminal is for the runner, which then stops the nodes one and for all.
    this.#child = spawn(program, [...before, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: nodeEnvironment(),
    });
    this.#exited = once(this.#child, 'close');
    const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
    log.on('error', () => {});
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        onLine(line);
      });
    }
    this.#child.stdin?.on('error', () => {});
    this.#child.on('error', (error) => onLine(error.message));
    this.#child.on('close', (code, signal) => {
      this.#running = false;
      this.#dismissGuard();
      log.end();
      onExit(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
    });
  }

  /** SIGKILL: no goodbye. */
  async kill(): Promise<void> {
    if (this.#running) this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** SIGSTOP: it keeps its connections, and says nothing any more. */
  pause(): void {
    if (!this.#running) return;
    this.#child.kill('SIGSTOP');
    // A stopped process cannot see that its standard input has ended. This one can, and wakes it.
    const script = 'read -r _; kill -CONT "$1" 2>/dev/null';
    this.#guard = spawn('sh', ['-c', script, 'sh', String(this.#child.pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#guard.stdin?.on('error', () => {});
    this.#guard.on('error', () => {});
  }

  resume(): void {
    this.#dismissGuard();
    if (this.#running) this.#child.kill('SIGCONT');
  }

  /** Clean; SIGKILL when that takes longer than `patienceMs`. */
  async stop(patienceMs: number): Promise<void> {
    if (!this.#running) return;
    this.#child.kill('SIGTERM');
    this.resume();
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    await this.#exited;
    clearTimeout(impatience);
  }

  #dismissGuard(): void {
    this.#guard?.kill('SIGKILL');
    this.#guard = null;
  }
}
