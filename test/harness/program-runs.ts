import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const program: string = fileURLToPath(new URL('../../../packages/broker/bin/lockstep.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Without what is meant for the test's own process: tap puts a loader into NODE_OPTIONS. */
export function programEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => name !== 'NODE_OPTIONS' && !name.startsWith('LOCKSTEP_'));
  return Object.fromEntries(kept);
}

/** `lockstep ARGS` as a process, and the lines that it prints. */
export class ProgramRun {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly lines: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[]) {
    const child = spawn(process.execPath, [program, ...args], {
      env: programEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
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
