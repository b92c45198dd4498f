import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Line = Readonly<Record<string, unknown>>;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const REAL = fileURLToPath(new URL('../../../bin/lockstep.js', import.meta.url));
const FAKE = fileURLToPath(new URL('fake-program.js', import.meta.url));

/** tap's loader and this shell's settings are not for the program. */
function cleanEnvironment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => name !== 'NODE_OPTIONS' && !name.startsWith('LOCKSTEP_'));
  return { ...Object.fromEntries(kept), ...more };
}

/** A started program, and what it says. */
export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  readonly #waiting = new Map<string, (line: Line) => void>();
  readonly #seen = new Map<string, Line>();

  constructor(args: readonly string[], environment: Readonly<Record<string, string>>, script: string = FAKE) {
    this.child = spawn(process.execPath, [script, ...args], { env: cleanEnvironment(environment) });
    let stdout = '';
    let stderr = '';
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    createInterface({ input: this.child.stdout }).on('line', (text) => {
      stdout += `${text}\n`;
      if (text.startsWith('{"')) this.#take(JSON.parse(text) as Line);
    });
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** The first line of the log with that message, or that begins with it; rejects when the program ends without it. */
  line(message: string): Promise<Line> {
    const seen = this.#seen.get(message);
    if (seen !== undefined) return Promise.resolve(seen);
    return new Promise((resolve, reject) => {
      this.#waiting.set(message, resolve);
      void this.ended.then(({ code, stderr }) =>
        reject(new Error(`ended with ${code} before '${message}': ${stderr}`)),
      );
    });
  }

  #take(line: Line): void {
    const message = String(line['msg']);
    if (!this.#seen.has(message)) this.#seen.set(message, line);
    this.#waiting.get(message)?.(line);
  }
}

/** The real program, running. */
export function started(args: readonly string[]): Program {
  return new Program(args, {}, REAL);
}

/** Runs the real program to its end. */
export function lockstep(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Program(args, environment, REAL).ended;
}
