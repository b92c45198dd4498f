import { StompClientError } from './client-error.ts';
import type { Address } from '@lockstep/kernel';

/** Where a broker is, and how to go on when it is gone: a `tcp://` (or `ssl://`, `ws://`, `wss://`) or `failover:(…)?…` URI, as ActiveMQ's clients write them. */
export interface BrokerUri {
  readonly brokers: readonly BrokerAddress[];
  /** Try the addresses in random order, so that clients spread. */
  readonly randomize: boolean;
  /** Wait before the second round of attempts; doubles with each round. */
  readonly initialReconnectDelayMs: number;
  readonly maxReconnectDelayMs: number;
  /** Rounds without success after which it gives up; -1: never. 0, for a single address: it does not reconnect. */
  readonly maxReconnectAttempts: number;
  /** The same for the first connection; takes `maxReconnectAttempts` when not given. */
  readonly startupMaxReconnectAttempts: number;
}

/** One address, with the user of its own if the URI names one. */
export interface BrokerAddress {
  /** What is spoken below STOMP: nothing, TLS, WebSocket, WebSocket over TLS. */
  readonly transport: 'tcp' | 'ssl' | 'ws' | 'wss';
  readonly address: Address;
  /** Of WebSocket: from the `/` on, with the query; `/` where nothing is said. */
  readonly path: string;
  readonly login: string | null;
  readonly passcode: string | null;
}

const DEFAULT_PORTS = { tcp: 61_613, ssl: 61_612, ws: 61_614, wss: 61_615 } as const;

/** As others call them, too. */
const TRANSPORTS: ReadonlyMap<string, BrokerAddress['transport']> = new Map([
  ['tcp', 'tcp'],
  ['stomp', 'tcp'],
  ['ssl', 'ssl'],
  ['tls', 'ssl'],
  ['stomps', 'ssl'],
  ['stomp+ssl', 'ssl'],
  ['ws', 'ws'],
  ['wss', 'wss'],
]);

/** @throws StompClientError `bad-uri` */
export function parseBrokerUri(text: string): BrokerUri {
  const failover = /^failover:(?:\/\/)?(.*)$/s.exec(text.trim());
  if (failover === null) {
    const brokers = [parseAddress(text.trim(), text)];
    return { ...readOptions('', text), brokers, maxReconnectAttempts: 0, startupMaxReconnectAttempts: 0 };
  }
  const match = /^\(([^()]*)\)(?:\?(.*))?$/s.exec(failover[1]!) ?? /^([^()?]*)(?:\?(.*))?$/s.exec(failover[1]!);
  if (match === null) throw bad(text, 'failover:(tcp://host:port,…)?option=value is the form');
  const brokers = match[1]!.split(',').map((part) => parseAddress(part.trim(), text));
  return { brokers, ...readOptions(match[2] ?? '', text) };
}

function parseAddress(part: string, whole: string): BrokerAddress {
  const match =
    /^([a-z+]+):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\[[0-9a-fA-F:.]+\]|[^:/?[\]@]+)(?::(\d{1,5}))?(\/[^?\s]*)?(\?\S*)?$/.exec(
      part,
    );
  if (match === null) throw bad(whole, `${part === '' ? 'an address' : part} is not of the form tcp://host:port`);
  const [, scheme, login, passcode, host, port, path, query] = match;
  const transport = TRANSPORTS.get(scheme!);
  if (transport === undefined) throw bad(whole, `${scheme}:// is none of tcp://, ssl://, ws:// and wss://`);
  const isWebSocket = transport === 'ws' || transport === 'wss';
  if (!isWebSocket && path !== undefined && path !== '/') throw bad(whole, `${scheme}:// has no path`);
  const number = port === undefined ? DEFAULT_PORTS[transport] : Number(port);
  if (number < 1 || number > 65_535) throw bad(whole, `port ${number} is not between 1 and 65535`);
  return {
    transport,
    path: isWebSocket ? `${path ?? '/'}${query ?? ''}` : '/',
    address: { host: host!.replace(/^\[|\]$/g, ''), port: number },
    login: login === undefined ? null : decode(login, whole),
    passcode: passcode === undefined ? null : decode(passcode, whole),
  };
}

function decode(text: string, whole: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad(whole, `${text} has an undefined escape`);
  }
}

type Options = Omit<BrokerUri, 'brokers'>;

/** What Lockstep's client has no use for is passed over, so that the URI of another client serves here too. */
function readOptions(query: string, whole: string): Options {
  const given = new Map<string, string>();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (equals > 0) given.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const number = (name: string, fallback: number): number => {
    const value = given.get(name);
    if (value === undefined) return fallback;
    if (!/^(-1|\d{1,9})$/.test(value)) throw bad(whole, `${name}=${value} is no number`);
    return Number(value);
  };
  const maxReconnectAttempts = number('maxReconnectAttempts', -1);
  return {
    randomize: given.get('randomize') !== 'false',
    initialReconnectDelayMs: Math.max(0, number('initialReconnectDelay', 10)),
    maxReconnectDelayMs: Math.max(1, number('maxReconnectDelay', 30_000)),
    maxReconnectAttempts,
    startupMaxReconnectAttempts: number('startupMaxReconnectAttempts', maxReconnectAttempts),
  };
}

function bad(whole: string, why: string): StompClientError {
  // A passcode does not belong into a message.
  const shown = whole.replace(/\/\/[^@/,]*@/g, '//…@');
  return new StompClientError('bad-uri', `bad broker URI ${shown}: ${why}`);
}
