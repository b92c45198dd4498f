import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import type { ClientEvents } from './books.ts';
import type { StayClients, StayOptions } from './stay-clients.ts';

const programs = {
  'stomp.py': ['/usr/bin/python3', 'staying_stomp_py.py'],
  ruby: ['/usr/bin/ruby', 'staying_ruby.rb'],
} as const;

export type ProgramLibrary = keyof typeof programs;

/**
 * The clients of a node in a process of its own, with another language's library. The program prints a line for each thing that happens, and is
 * told what to do, by lines too.
 */
export class ProgramClients implements StayClients {
  readonly ready: Promise<void>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #events: ClientEvents;
  readonly #waiting = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  #said = '';
  #over = false;

  constructor(library: ProgramLibrary, { node, port, name, paceMs }: StayOptions, events: ClientEvents) {
    const [command, file] = programs[library];
    const path = fileURLToPath(new URL(`../../../clients/programs/${file}`, import.meta.url));
    this.#events = events;
    this.#child = spawn(command, [path, String(port), name, node, String(paceMs)], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.ready = this.#told('ready');
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#line(line));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    // It may be gone already: its end says so.
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('close', () => this.#ended(`${library} at ${node}`));
  }

  async hold(): Promise<void> {
    const holding = this.#told('holding');
    this.#say('hold');
    return holding;
  }

  release(): void {
    this.#say('release');
  }

  async stop(): Promise<void> {
    const stopped = this.#told('stopped');
    this.#say('stop');
    return stopped;
  }

  async finish(): Promise<void> {
    const finished = this.#told('finished');
    this.#say('finish');
    return finished;
  }

  drop(): void {
    this.#over = true;
    this.#child.kill('SIGKILL');
  }

  #say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  #told(word: string): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => this.#waiting.set(word, { resolve, reject }));
    // Whoever waits hears of it; a program that ends early has also said why.
    promise.catch(() => undefined);
    return promise;
  }

  #line(line: string): void {
    const [word = '', first = '', second = '', third = '', fourth = ''] = line.split(' ');
    if (word === 'sent') this.#events.sent(first);
    else if (word === 'receipt') this.#events.receipted(first);
    else if (word === 'got') this.#events.got(first, fourth, second, third === '1');
    else if (word === 'committed') this.#events.committed(first);
    else if (word === 'cut') this.#events.cut(first, line.slice(`cut ${first} `.length));
    else {
      if (word === 'finished') this.#over = true;
      this.#waiting.get(word)?.resolve();
      this.#waiting.delete(word);
    }
  }

  #ended(who: string): void {
    if (!this.#over) this.#events.cut(who, `the program ended: ${this.#said}`);
    for (const { reject } of this.#waiting.values()) reject(new Error(`${who} ended: ${this.#said}`));
    this.#waiting.clear();
  }
}
