import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export const program: string = fileURLToPath(new URL('../../../packages/broker/bin/lockstep.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Starts `lockstep ARGS`; what it prints comes through pipes. Without what is meant for the test's own process: tap adds a loader to NODE_OPTIONS
 * inside `spawn`, and with it handlers of signals that Node ignores (SIGXFSZ), so `env` takes it out again, in the same process.
 */
export function spawnProgram(args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKSTEP_')));
  const command = ['-u', 'NODE_OPTIONS', process.execPath, program, ...args];
  return spawn('env', command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** `lockstep ARGS` as a process, and the lines that it prints. */
export class ProgramRun {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly lines: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[]) {
    const child = spawnProgram(args);
    this.child = child;
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(line);
      for (const check of [...this.#waiting]) check();
    });
    this.ended = new Promise((resolve) => {
      child.on('close', (code) => resolve({ code, stdout: this.lines.map((line) => `${line}\n`).join(''), stderr }));
    });
  }

  /** The first line that matches; rejects when the program ends without one. */
  line(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = this.lines.find((line) => pattern.test(line));
        if (found === undefined) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
      void this.ended.then(({ code, stdout, stderr }) =>
        reject(new Error(`ended with ${code} before ${pattern}: ${stdout}${stderr}`)),
      );
    });
  }
}

/** Runs the program to its end. */
export async function lockstep(...args: readonly string[]): Promise<Ended> {
  return new ProgramRun(args).ended;
}
