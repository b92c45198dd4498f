/** What every library for Node must get through: see ../tours.test.ts. */

/** A message as a library gives it. */
export interface Arrival {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Each resolves with its receipt. */
  readonly ack: (transaction?: string) => Promise<void>;
  readonly nack: () => Promise<void>;
}

/** A session of a library; all that is sent outside a transaction resolves with its receipt. */
export interface Session {
  readonly send: (destination: string, body: Uint8Array, headers?: Record<string, string>) => Promise<void>;
  /** What it returns waits for the next message. */
  readonly subscribe: (destination: string, ack: 'auto' | 'client' | 'client-individual') => () => Promise<Arrival>;
  readonly begin: () => {
    readonly id: string;
    readonly send: (destination: string, body: Uint8Array) => void;
    readonly end: (how: 'COMMIT' | 'ABORT') => Promise<void>;
  };
  /** Resolves when the connection is lost. */
  readonly lost: Promise<void>;
  /** Resolves when the library has connected again, to any of its ports. */
  readonly resumed: () => Promise<Session>;
  readonly leave: () => Promise<void>;
}

export type HeartBeats = readonly [outgoing: number, incoming: number];

export interface Library {
  /** Connects with a passcode that is not the user's; does that fail? */
  readonly isRefused: (port: number) => Promise<boolean>;
  /** Connects to the first of these ports, and after a loss to any; with these heart-beats, out and in, in milliseconds, 0: none. */
  readonly connect: (ports: readonly number[], heartBeats: HeartBeats) => Promise<Session>;
}

const beatMs = 1500;
const none: HeartBeats = [0, 0];
/** Without a backslash: stompjs undoes escapes one kind after the other, and makes a colon of a backslash before a `c`. */
const kind = 'a:b\nd';
const octopus = '🐙 grüße';

function ok(step: string): void {
  console.log(`ok ${step}`);
}

function check(holds: boolean, what: string): void {
  if (holds) return;
  console.log(`not ok ${what}`);
  process.exit(1);
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(arrival: Arrival): string {
  return new TextDecoder().decode(arrival.body);
}

/** One library's tour: queues are named by `name`, the first port is that of the master, which is killed when `ready` is printed. */
export class Walk {
  readonly #library: Library;
  readonly #name: string;
  readonly #ports: readonly number[];

  constructor(library: Library, name: string, ports: readonly number[]) {
    this.#library = library;
    this.#name = name;
    this.#ports = ports;
  }

  async go(): Promise<void> {
    const main = await this.#session();
    ok('connect');
    check(await this.#library.isRefused(this.#ports[0]!), 'a wrong passcode is refused');
    ok('wrong passcode');
    await main.send(this.#queue('receipt'), bytes('hello'), { kind });
    const arrival = await main.subscribe(this.#queue('receipt'), 'auto')();
    check(text(arrival) === 'hello' && arrival.headers['kind'] === kind, 'a message as it was sent');
    ok('receipt');
    ok('ack auto');
    await this.#acknowledge(main, 'client', ['3']);
    await this.#acknowledge(main, 'client-individual', ['1', '3']);
    await this.#refuse(main);
    await this.#transactions(main);
    await this.#heartBeats();
    await this.#bodies(main);
    await main.leave();
    await this.#killed();
  }

  async #session(heartBeats: HeartBeats = none): Promise<Session> {
    return this.#library.connect(this.#ports.slice(0, 1), heartBeats);
  }

  #queue(what: string): string {
    return `/queue/${this.#name}-${what}`;
  }

  async #acknowledge(main: Session, mode: 'client' | 'client-individual', expected: readonly string[]): Promise<void> {
    for (const body of ['1', '2', '3']) await main.send(this.#queue(mode), bytes(body));
    const holder = await this.#session();
    const next = holder.subscribe(this.#queue(mode), mode);
    const held = [await next(), await next(), await next()] as const;
    await held[1].ack();
    await holder.leave();
    const other = await this.#session();
    const rest = other.subscribe(this.#queue(mode), 'auto');
    const left: string[] = [];
    while (left.length < expected.length) left.push(text(await rest()));
    await other.leave();
    check(left.join() === expected.join(), `left of ${mode}: ${left.join()}`);
    ok(`ack ${mode}`);
  }

  async #refuse(main: Session): Promise<void> {
    const next = main.subscribe(this.#queue('nack'), 'client-individual');
    await main.send(this.#queue('nack'), bytes('again'));
    const first = await next();
    await first.nack();
    const again = await next();
    check(again.headers['message-id'] === first.headers['message-id'], 'NACK brings it again');
    check(again.headers['redelivered'] === 'true', 'and says so');
    await again.ack();
    ok('nack');
  }

  async #transactions(main: Session): Promise<void> {
    const queue = this.#queue('transaction');
    const next = main.subscribe(queue, 'client-individual');
    const committed = main.begin();
    committed.send(queue, bytes('1'));
    committed.send(queue, bytes('2'));
    await committed.end('COMMIT');
    const held = [await next(), await next()] as const;
    check(held.map(text).join() === '1,2', 'what was committed');
    ok('commit');
    const aborted = main.begin();
    aborted.send(queue, bytes('never'));
    await held[0].ack(aborted.id);
    await aborted.end('ABORT');
    await held[0].ack();
    await held[1].ack();
    await main.send(queue, bytes('after'));
    const after = await next();
    check(text(after) === 'after', 'what was aborted never comes');
    await after.ack();
    ok('abort');
  }

  async #heartBeats(): Promise<void> {
    const beating = await this.#session([beatMs, beatMs]);
    let lost = false;
    void beating.lost.then(() => (lost = true));
    await pause(3.5 * beatMs);
    await beating.send(this.#queue('beats'), bytes('alive'));
    check(!lost, 'kept by heart-beats');
    ok('heart-beats kept');
    await beating.leave();
    // Nothing of this program runs meanwhile, its timers neither; it expects nothing, so that it is the broker who is out of patience.
    const silent = await this.#session([beatMs, 0]);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3.5 * beatMs);
    await silent.lost;
    ok('heart-beats broken');
  }

  async #bodies(main: Session): Promise<void> {
    const queue = this.#queue('bodies');
    const next = main.subscribe(queue, 'auto');
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    await main.send(queue, every);
    check(Buffer.from((await next()).body).equals(every), 'every byte');
    ok('binary');
    await main.send(queue, bytes(octopus), { octopus });
    const arrival = await next();
    check(text(arrival) === octopus && arrival.headers['octopus'] === octopus, 'four bytes');
    ok('UTF-8');
    const large = Buffer.alloc(5_000_000, 'x');
    await main.send(queue, large);
    check(Buffer.from((await next()).body).equals(large), '5 MB');
    ok('5 MB');
  }

  async #killed(): Promise<void> {
    const last = await this.#library.connect(this.#ports, none);
    await last.send(this.#queue('kept'), bytes('before'));
    console.log('ready');
    await last.lost;
    const again = await last.resumed();
    const next = again.subscribe(this.#queue('kept'), 'client-individual');
    await again.send(this.#queue('kept'), bytes('after'));
    for (const expected of ['before', 'after']) {
      const arrival = await next();
      check(text(arrival) === expected, 'nothing is lost');
      await arrival.ack();
    }
    await again.leave();
    ok('reconnect');
  }
}
