import type { SimRandom } from '@lockstep/testkit';

/** How far a stream keeps to the grammar. */
export interface Manners {
  /** Chance, for each choice in a frame, of a fault in it. */
  readonly faults: number;
  /** Chance, for each frame, that its octets are damaged. */
  readonly damage: number;
}

/** A message that the client has been sent and has not settled. */
export interface Delivered {
  readonly id: string;
  /** The how-manieth SUBSCRIBE it is for. */
  readonly subscription: number;
}

const VERSIONS = ['1.0', '1.1', '1.2'] as const;
const ODD_TEXT = [
  '',
  ' ',
  'a:b',
  '\\n',
  '\\c',
  '\\\\',
  '\\r',
  '\\t',
  '\\',
  'é語😀',
  ' padded ',
  '\u0000',
  'x'.repeat(90),
];
const NAMES = ['k', 'content-type', 'type', 'correlation-id', 'message-id', 'lockstep-x', 'persistent', 'k\\c', 'é'];
/** Those that may ask the broker for something. */
const ASKING = [
  ...['priority', 'expires', 'ttl', 'JMSXGroupID', 'duplicate-id', 'AMQ_SCHEDULED_DELAY', 'reply-to', 'selector'],
  ...['prefetch-count', 'activemq.priority', 'browser', 'ack-timeout', 'durable', 'x-priority', 'requeue', 'action'],
];
const DESTINATIONS = [
  '/queue/a',
  '/queue/a',
  '/topic/t',
  '/queue/b.c',
  'bare',
  '/amq/queue/a',
  '/exchange/amq.topic/t',
];
const ODD_DESTINATIONS = [
  '',
  '/queue/',
  '/nothing/x',
  '/queue/>',
  '/queue/a,/topic/t',
  '/temp-queue/x',
  '/queue/\u0001',
];
const ODD_COMMANDS = [
  'send',
  'MESSAGE',
  'ERROR',
  'CONNECTED',
  'RECEIPT',
  'CONNECT',
  'STOMP',
  'GET / HTTP/1.1',
  'X'.repeat(40),
  '',
];
const SUBSCRIPTIONS = ['0', '1', 's-2'];
const OTHERS = ['', 'nobody', 'x y'];
const TRANSACTIONS = ['t', 't 2'];
/** Octets at which parsers turn. */
const TURNING = [0, 10, 13, 58, 92, 32, 48, 57, 127, 128, 255];

/** The header that says what `sumOf` makes of the body. */
export const SUM = 'sum';

/** Depends on every octet and its place. */
export function sumOf(body: Uint8Array): number {
  let sum = body.length;
  for (const octet of body) sum = (sum * 31 + octet) | 0;
  return sum >>> 0;
}

/** Writes one client's stream, a frame at a time, mostly well-mannered, from chance and what the client has been sent. */
export class Grammar {
  readonly #random: SimRandom;
  readonly #manners: Manners;
  readonly #version: (typeof VERSIONS)[number];
  readonly #eol: string;
  #frames = 0;
  #receipts = 0;
  #delivered: readonly Delivered[] = [];
  /** By number: the id that SUBSCRIBE gave. */
  readonly #subscriptions: string[] = [];
  readonly #subscribed = new Set<string>();
  readonly #open = new Set<string>();
  readonly #settled = new Set<string>();

  constructor(random: SimRandom, manners: Manners) {
    this.#random = random;
    this.#manners = manners;
    this.#version = random.pick(VERSIONS);
    this.#eol = random.chance(0.1) ? '\r\n' : '\n';
  }

  /** The next frame. */
  next(delivered: readonly Delivered[]): Uint8Array {
    this.#delivered = delivered;
    this.#frames++;
    const frame = this.#frames === 1 && !this.#faulty() ? this.#connect() : this.#frame();
    const { damage } = this.#manners;
    return damage > 0 && this.#random.chance(damage) ? this.#damaged(frame) : frame;
  }

  #connect(): Uint8Array {
    const random = this.#random;
    const headers: [string, string][] = [];
    if (this.#version !== '1.0' || random.chance(0.5)) headers.push(['accept-version', this.#version]);
    headers.push(['host', 'h'], ['login', 'a:b'], ['passcode', 'p\\q']);
    if (random.chance(0.4))
      headers.push(['heart-beat', random.pick(['0,0', '1000,1000', '0,50', '300,0', '99999999999,1'])]);
    if (this.#faulty()) headers.push(['heart-beat', random.pick(['-1,0', '1', 'a,b', '1,2,3', ''])]);
    if (this.#faulty()) headers.unshift(['accept-version', random.pick(['2.0', '', '1.2.3', '1.3,9'])]);
    return this.#write(random.chance(0.2) ? 'STOMP' : 'CONNECT', headers, '');
  }

  #frame(): Uint8Array {
    const random = this.#random;
    const command = this.#faulty() ? random.pick(ODD_COMMANDS) : this.#command();
    const headers = this.#headers(command);
    if (random.chance(0.4)) headers.push(['receipt', random.chance(0.01) ? '' : `r-${++this.#receipts}`]);
    for (let i = random.below(4); i > 0; i--) headers.push([random.pick(NAMES), this.#text()]);
    if (random.chance(0.01)) headers.push([random.pick(ASKING), random.pick(['0', '4', '9', 'true', '1000', 'g'])]);
    if (this.#faulty()) headers.push([random.pick([...NAMES, ...ASKING]), random.pick(ODD_TEXT)]);
    if (this.#faulty()) for (let i = 0; i < 40; i++) headers.push([`n${i}`, 'v']);
    if (this.#faulty()) headers.splice(random.below(headers.length + 1), 1);
    const body = command === 'SEND' || random.chance(0.02) ? this.#body(headers) : '';
    return this.#write(command, headers, body);
  }

  #command(): string {
    const random = this.#random;
    const fraction = random.fraction();
    if (fraction < 0.35) return 'SEND';
    if (fraction < 0.6 && (this.#delivered.length > 0 || this.#faulty())) {
      return this.#version === '1.0' || random.chance(0.7) ? 'ACK' : 'NACK';
    }
    if (fraction < 0.72 && (this.#subscribed.size < SUBSCRIPTIONS.length || this.#faulty())) return 'SUBSCRIBE';
    if (fraction < 0.78 && (this.#subscribed.size > 0 || this.#faulty())) return 'UNSUBSCRIBE';
    if (fraction < 0.86 && (this.#open.size < TRANSACTIONS.length || this.#faulty())) return 'BEGIN';
    if (fraction < 0.92 && (this.#open.size > 0 || this.#faulty())) return random.chance(0.6) ? 'COMMIT' : 'ABORT';
    return fraction > 0.998 ? 'DISCONNECT' : 'SEND';
  }

  #headers(command: string): [string, string][] {
    const random = this.#random;
    switch (command) {
      case 'SEND':
        return [['destination', this.#destination()], ...this.#transaction()];
      case 'SUBSCRIBE': {
        const id = this.#id(SUBSCRIPTIONS, this.#subscribed, false);
        this.#subscribed.add(id);
        this.#subscriptions.push(id);
        const ack = random.pick(['auto', 'client', 'client-individual', 'client-individual']);
        return [
          ['destination', this.#destination()],
          ['id', id],
          ['ack', ack],
        ];
      }
      case 'UNSUBSCRIBE': {
        const id = this.#id(SUBSCRIPTIONS, this.#subscribed, true);
        this.#subscribed.delete(id);
        return [['id', id]];
      }
      case 'ACK':
      case 'NACK': {
        const { id, subscription } = this.#message();
        const action: [string, string][] = command === 'NACK' && random.chance(0.2) ? [['action', 'discard']] : [];
        return [['id', id], ['message-id', id], ['subscription', subscription], ...this.#transaction(), ...action];
      }
      case 'BEGIN':
        return [['transaction', this.#begun(this.#id(TRANSACTIONS, this.#open, false))]];
      case 'COMMIT':
      case 'ABORT': {
        const id = this.#id(TRANSACTIONS, this.#open, true);
        this.#open.delete(id);
        return [['transaction', id]];
      }
      default:
        return [];
    }
  }

  /** One that has come and is not settled, or else one that has not. */
  #message(): { id: string; subscription: string } {
    const random = this.#random;
    const free = this.#delivered.filter((one) => !this.#settled.has(`${one.subscription} ${one.id}`));
    const one = random.pick(free.length === 0 ? this.#delivered : free);
    if (one === undefined || this.#faulty()) return { id: String(random.below(20)), subscription: '0' };
    this.#settled.add(`${one.subscription} ${one.id}`);
    return { id: one.id, subscription: this.#subscriptions[one.subscription - 1] ?? '0' };
  }

  #begun(id: string): string {
    this.#open.add(id);
    return id;
  }

  /** One that is in use, or one that is not; sometimes neither is to be had. */
  #id(pool: readonly string[], used: ReadonlySet<string>, inUse: boolean): string {
    const fitting = pool.filter((id) => used.has(id) === inUse);
    return this.#random.pick(fitting.length === 0 || this.#faulty() ? [...pool, ...OTHERS] : fitting);
  }

  #transaction(): [string, string][] {
    if (this.#open.size === 0 || this.#random.chance(0.5)) return [];
    return [['transaction', this.#id(TRANSACTIONS, this.#open, true)]];
  }

  #destination(): string {
    return this.#faulty() ? this.#random.pick(ODD_DESTINATIONS) : this.#random.pick(DESTINATIONS);
  }

  #text(): string {
    return this.#random.chance(0.1)
      ? this.#random.pick(['é語😀', 'a b', '\\\\', '\\c'])
      : `v${this.#random.below(1000)}`;
  }

  /** The body, and its length among the headers. */
  #body(headers: [string, string][]): string {
    const random = this.#random;
    const length = random.chance(0.05) ? random.below(3000) : random.below(60);
    let body = '';
    for (let i = 0; i < length; i += 8) body += random.pick(['abcdefgh', 'é語', '\n\n', 'SEND\n', '        ']);
    // Above 16 KiB a body that comes in pieces is gathered in a buffer of its own.
    if (random.chance(0.008)) body += 'large body '.repeat(1000 + random.below(3000));
    const counted = random.chance(0.5);
    if (counted && random.chance(0.3)) body += '\0tail\0';
    const octets = Buffer.byteLength(body);
    // The broker looks whether they are what was sent, where nothing is broken on the way.
    if (this.#manners.faults === 0 && this.#manners.damage === 0) headers.push([SUM, String(sumOf(Buffer.from(body)))]);
    if (counted) headers.push(['content-length', String(octets)]);
    if (this.#faulty())
      headers.push(['content-length', random.pick(['-1', '1e9', '99999999999999999999', String(octets + 1), ''])]);
    return body;
  }

  #write(command: string, headers: readonly (readonly [string, string])[], body: string): Uint8Array {
    const eol = this.#eol;
    let head = command + eol;
    for (const [name, value] of headers) head += `${name}:${value}${eol}`;
    if (this.#faulty()) head += this.#random.pick(['no colon', ':no name', 'cr\rinside:x', 'nul\0:x', 'k\\q:v']) + eol;
    const end = this.#faulty() ? this.#random.pick(['', '\0\0', 'x\0']) : '\0';
    const between = this.#random.chance(0.2) ? this.#random.pick(['\n', '\n\n', '\r\n']) : '';
    return Buffer.from(`${head}${eol}${body}${end}${between}`);
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    const at = random.below(bytes.length + 1);
    const octet = random.chance(0.7) ? random.pick(TURNING) : random.below(256);
    switch (random.below(5)) {
      case 0:
        return Buffer.concat([bytes.subarray(0, at), Uint8Array.of(octet), bytes.subarray(at)]);
      case 1:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))]);
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(bytes.length + 1))]);
      case 3:
        return random.bytes(random.below(100));
      default: {
        const changed = Buffer.from(bytes);
        if (at < changed.length) changed[at] = octet;
        return changed;
      }
    }
  }

  #faulty(): boolean {
    return this.#manners.faults > 0 && this.#random.chance(this.#manners.faults);
  }
}
