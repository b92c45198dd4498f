import { StompClientError } from './client-error.ts';
import type { Address } from '@lockstep/kernel';

/** Where a broker is, and how to go on when it is gone: a `tcp://` or `failover:(…)?…` URI, as ActiveMQ's clients write them. */
export interface BrokerUri {
  readonly brokers: readonly BrokerAddress[];
  /** Try the addresses in random order, so that clients spread. */
  readonly randomize: boolean;
  /** Wait before the second round of attempts; doubles with each round. */
  readonly initialReconnectDelayMs: number;
  readonly maxReconnectDelayMs: number;
  /** Rounds without success after which it gives up; -1: never. 0, for a plain `tcp://`: it does not reconnect. */
  readonly maxReconnectAttempts: number;
  /** The same for the first connection; takes `maxReconnectAttempts` when not given. */
  readonly startupMaxReconnectAttempts: number;
}

/** One address, with the user of its own if the URI names one. */
export interface BrokerAddress {
  readonly address: Address;
  readonly login: string | null;
  readonly passcode: string | null;
}

const DEFAULT_PORT = 61_613;

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
    /^([a-z+]+):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\[[0-9a-fA-F:.]+\]|[^:/?[\]@]+)(?::(\d{1,5}))?\/?(?:\?.*)?$/.exec(
      part,
    );
  if (match === null) throw bad(whole, `${part === '' ? 'an address' : part} is not of the form tcp://host:port`);
  const [, scheme, login, passcode, host, port] = match;
  if (scheme !== 'tcp' && scheme !== 'stomp')
    throw bad(whole, `${scheme}:// is not supported in this version, tcp:// is`);
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (number < 1 || number > 65_535) throw bad(whole, `port ${number} is not between 1 and 65535`);
  return {
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
