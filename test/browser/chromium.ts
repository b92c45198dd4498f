import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { WebSocket } from 'ws';

/** Debian's. */
const program = '/usr/bin/chromium';

interface Reply {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** A real Chromium without a window, driven by its DevTools protocol. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #devTools: WebSocket;
  readonly #waiting = new Map<number, { resolve(result: object): void; reject(error: Error): void }>();
  #calls = 0;

  private constructor(process: ChildProcess, profile: string, devTools: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#devTools = devTools;
    devTools.on('message', (data) => this.#replied(JSON.parse((data as Buffer).toString()) as Reply));
  }

  static async start(): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), 'lockstep-chromium-'));
    const flags = [
      '--headless=new',
      // As root, and in a container, its own walls cannot be put up.
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--ignore-certificate-errors',
      // Pages of this name come from this machine, and do not look so.
      '--host-resolver-rules=MAP evil.example 127.0.0.1',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank',
    ];
    const child = spawn('env', ['-u', 'NODE_OPTIONS', program, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    const said: string[] = [];
    const address = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        said.push(line);
        const [, url] = /^DevTools listening on (ws:\S+)/.exec(line) ?? [];
        if (url !== undefined) resolve(url);
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`${program} ended: ${said.join('\n')}`)));
    });
    const devTools = new WebSocket(address, { maxPayload: 1 << 28, perMessageDeflate: false });
    await once(devTools, 'open');
    return new Chromium(child, profile, devTools);
  }

  /** Opens a page; resolves when it has loaded. */
  async open(url: string): Promise<Page> {
    const { targetId } = (await this.call('Target.createTarget', { url: 'about:blank' })) as { targetId: string };
    const attached = (await this.call('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
    const page = new Page(this, attached.sessionId);
    await page.load(url);
    return page;
  }

  /** A method of the DevTools protocol, in the browser or in one page. */
  call(method: string, params: object, sessionId?: string): Promise<object> {
    this.#calls += 1;
    const id = this.#calls;
    const done = new Promise<object>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#devTools.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return done;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#devTools.terminate();
    this.#process.kill('SIGTERM');
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }

  #replied({ id, result, error }: Reply): void {
    const waiter = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiter === undefined) return;
    this.#waiting.delete(id);
    if (error === undefined) waiter.resolve(result ?? {});
    else waiter.reject(new Error(error.message));
  }
}

export class Page {
  readonly #browser: Chromium;
  readonly #session: string;

  constructor(browser: Chromium, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  async load(url: string): Promise<void> {
    await this.#browser.call('Page.navigate', { url }, this.#session);
    const loaded = `new Promise((done) => (document.readyState === 'complete' ? done() : addEventListener('load', () => done())))`;
    await this.evaluate(loaded);
  }

  /** What the expression, or the promise that it is, comes to. Rejects with what it throws. */
  async evaluate(expression: string): Promise<unknown> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = (await this.#browser.call('Runtime.evaluate', params, this.#session)) as {
      readonly result: { readonly value?: unknown };
      readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
    };
    if (exceptionDetails === undefined) return result.value;
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  /** Calls what the page's own module exports, with plain data. */
  run(name: string, ...values: readonly unknown[]): Promise<unknown> {
    return this.evaluate(
      `import('/page.js').then((page) => page.${name}(${values.map((value) => JSON.stringify(value)).join(', ')}))`,
    );
  }
}
