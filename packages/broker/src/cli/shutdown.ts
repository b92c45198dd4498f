import type { ProgramLog } from '../logging/program-log.ts';
import { exitCodes } from './exit-codes.ts';
import { adviceFor } from './failures.ts';

/** A clean stop that takes longer is cut short: what was acknowledged is on disk anyway. */
const STOP_MS = 10_000;
/** Signals closer together are one wish: a terminal sends Ctrl-C to pnpm and to the node, and pnpm passes its own on. */
const ONE_WISH_MS = 500;

export interface ShutdownOptions {
  readonly log: ProgramLog;
  /** The last lines of the log, written before the process ends. */
  readonly flush: () => void;
  /** In this order, each after the one before it is done. */
  readonly steps: () => readonly (() => Promise<void>)[];
}

/** Every way in which a running node's process ends. */
export class Shutdown {
  readonly #options: ShutdownOptions;
  #begun = false;
  #begunAtMs = 0;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** From now on signals stop the node cleanly, and errors that nobody caught end it. */
  watchProcess(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.stop(signal));
    process.on('uncaughtException', (error) => this.fail(error));
    process.on('unhandledRejection', (reason) => this.fail(reason));
  }

  /** Also stops when whoever started this process, and holds the other end of its standard input, is gone. */
  watchParent(): void {
    const gone = (): void => {
      if (!this.#begun) this.stop('the program that started this node has ended');
    };
    process.stdin.on('end', gone).on('close', gone).on('error', gone);
    process.stdin.resume();
  }

  /** The first time: cleanly. The second time: at once. */
  stop(why: string): void {
    const { log, steps } = this.#options;
    if (this.#begun) {
      if (performance.now() - this.#begunAtMs < ONE_WISH_MS) return;
      log.warn('asked to stop a second time: ending at once');
      this.#exit(exitCodes.failed);
    }
    this.#begun = true;
    this.#begunAtMs = performance.now();
    log.info('stopping', { why });
    setTimeout(() => {
      log.warn('did not stop in time: ending at once', { afterMs: STOP_MS });
      this.#exit(exitCodes.failed);
    }, STOP_MS).unref();
    const stopping = async (): Promise<void> => {
      for (const step of steps()) await step();
      log.info('stopped');
      this.#exit(exitCodes.fine);
    };
    stopping().catch((error: unknown) => this.fail(error));
  }

  /** The state of this process can no longer be trusted: it ends, and what is on disk counts. */
  fail(error: unknown): void {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    this.#begun = true;
    this.#options.log.fatal(`this node ends: ${message}`, { advice: adviceFor(error), stack });
    this.#exit(exitCodes.failed);
  }

  #exit(code: number): never {
    this.#options.log.finish();
    this.#options.flush();
    process.exit(code);
  }
}
