import { readFileSync } from 'node:fs';

import { NetworkError } from '@lockstep/kernel';
import { StompClient, StompClientError } from '@lockstep/stomp-server';
import type { StompClientOptions } from '@lockstep/stomp-server';

import { dialBroker } from '../ports/clients/dial-broker.ts';
import { NodeClock } from '../ports/node-clock.ts';
import { NodeNetwork } from '../ports/node-network.ts';
import { NodeRandom } from '../ports/node-random.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { readOrExplain } from './read-config.ts';

export interface LoginFlags {
  readonly login?: string;
  readonly passcodeFile?: string;
  /** The authorities that may have signed the broker's certificate. */
  readonly ca?: string;
}

/** Ten rounds with growing pauses, some ten seconds: a fail-over is over long before, and a dead broker is said to be dead. */
const ROUNDS = 10;

function withBounds(uri: string, patient: boolean): string {
  if (!uri.startsWith('failover:')) return uri;
  const options = [];
  if (!/\b(?:startupM|m)axReconnectAttempts=/.test(uri)) options.push(`startupMaxReconnectAttempts=${ROUNDS}`);
  if (!patient && !/\bmaxReconnectAttempts=/.test(uri)) options.push(`maxReconnectAttempts=${ROUNDS}`);
  if (options.length === 0) return uri;
  return `${uri}${uri.includes('?') ? '&' : '?'}${options.join('&')}`;
}

function credentials({ login, passcodeFile }: LoginFlags, environment: NodeJS.ProcessEnv): Partial<StompClientOptions> {
  const name = login ?? environment['LOCKSTEP_LOGIN'];
  let passcode = environment['LOCKSTEP_PASSCODE'];
  if (passcodeFile !== undefined) {
    try {
      passcode = readFileSync(passcodeFile, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      throw new CommandError(exitCodes.usage, `--passcode-file: ${(error as Error).message}`, error);
    }
  }
  return { ...(name === undefined ? {} : { login: name }), ...(passcode === undefined ? {} : { passcode }) };
}

/** @throws CommandError */
function authorities(file: string | undefined): Buffer | null {
  return file === undefined ? null : readOrExplain(file, '--ca');
}

/** What a person can do about it, and the exit code that scripts see. */
export function clientFailure(error: unknown, uri: string): CommandError {
  if (!(error instanceof StompClientError)) throw error;
  const { code, message } = error;
  switch (code) {
    case 'bad-uri':
      return new CommandError(exitCodes.usage, message, error);
    case 'unreachable':
      if (networkCause(error)?.code === 'untrusted') {
        const why = `${addressesOf(uri)} is not trusted: ${networkCause(error)?.message.replace(/^connect \S+: /, '') ?? ''}`;
        return new CommandError(exitCodes.failed, `${why}; --ca names the authorities that count`, error);
      }
      if (message.endsWith(closedText)) {
        const advice = 'it may have no master; `lockstep status` or `lockstep explain` at its admin port says more';
        return new CommandError(exitCodes.unreachable, `${message} before it let this client in: ${advice}`, error);
      }
      return new CommandError(exitCodes.unreachable, `nobody answers at ${addressesOf(uri)}: ${hint(error)}`, error);
    case 'refused':
      return new CommandError(exitCodes.failed, `the broker refused: ${message}`, error);
    case 'lost':
      return new CommandError(
        exitCodes.unreachable,
        `the connection to ${addressesOf(uri)} was lost: ${message}`,
        error,
      );
    case 'stale':
    case 'closed':
      return new CommandError(exitCodes.failed, message, error);
  }
}

/** Without users, passcodes and options. */
function addressesOf(uri: string): string {
  const addresses = [...uri.matchAll(/\/\/(?:[^@/,()]*@)?([^/,()?]+)/g)].map((match) => match[1] as string);
  return addresses.length === 0 ? uri : addresses.join(', ');
}

function networkCause(error: StompClientError): NetworkError | null {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof NetworkError) return cause;
  }
  return null;
}

/** What `StompClient` says of a broker that is there, and lets nobody in. */
const closedText = 'closed the connection';
const UNRESOLVED = new Set(['ENOTFOUND', 'EAI_AGAIN']);

function hint(error: StompClientError): string {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (UNRESOLVED.has((cause as NodeJS.ErrnoException).code ?? ''))
      return 'no address is known for the name of the host';
  }
  const { message } = error;
  const why = message.endsWith('is not reachable') ? '' : ` (${message})`;
  return `is the broker running?${why} \`lockstep start\` starts one, \`lockstep cluster\` three`;
}

export interface ClientWish {
  readonly uri: string;
  readonly login: LoginFlags;
  /** Reconnects for ever once it has been connected. */
  readonly patient: boolean;
  readonly onClosed?: (error: StompClientError | null) => void;
}

/** @throws CommandError */
export async function connectClient({ uri, login, patient, onClosed }: ClientWish): Promise<StompClient> {
  const ca = authorities(login.ca);
  try {
    return await StompClient.connect({
      uri: withBounds(uri, patient),
      network: new NodeNetwork(),
      dial: (broker, timeoutMs) => dialBroker(broker, timeoutMs, ca),
      clock: new NodeClock(),
      random: new NodeRandom(),
      ...credentials(login, process.env),
      ...(onClosed === undefined ? {} : { onClosed }),
    });
  } catch (error) {
    throw clientFailure(error, uri);
  }
}

/** `k:v` as the command line takes it; the value may hold colons. @throws CommandError */
export function parseHeaders(texts: readonly string[]): readonly (readonly [string, string])[] {
  return texts.map((text) => {
    const colon = text.indexOf(':');
    if (colon > 0) return [text.slice(0, colon), text.slice(colon + 1)] as const;
    throw new CommandError(exitCodes.usage, `--header: '${text}': must be NAME:VALUE`);
  });
}

/** @throws CommandError */
export function parseCount(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1 && /^\d+$/.test(text)) return count;
  throw new CommandError(exitCodes.usage, `--count: '${text}': must be a whole number of at least 1`);
}
