import type { z } from 'zod';

import type { Address } from '@lockstep/kernel';

import { parseOrigin } from '../security/allowed-origins.ts';
import { parsePasswordHash } from '../security/password-hash.ts';
import { pattern } from './destination-schema.ts';
import { address, flag, leaf, oneOf, path, reachableAddress, text } from './leaves.ts';
import { list, section } from './section.ts';

export const listenerKinds = ['stomp', 'stomps', 'ws', 'wss'] as const;
export type ListenerKind = (typeof listenerKinds)[number];

/** One of the kinds is there, once the rules have been checked. */
export interface ListenerValues extends Readonly<Partial<Record<ListenerKind, Address | undefined>>> {
  readonly advertise?: Address | undefined;
  readonly anonymous: boolean;
  readonly proxyProtocol: boolean;
  readonly clientCertificates: 'none' | 'optional' | 'required';
  readonly origins?: readonly string[] | undefined;
}

export interface TlsValues {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string | undefined;
}

export interface UserValues {
  readonly name: string;
  readonly password?: string | undefined;
  readonly groups: readonly string[];
}

export interface PermissionValues {
  readonly match: string;
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly create?: readonly string[] | undefined;
}

const originAllowed = 'an origin as browsers write it, as https://app.example or http://localhost:8080; or * for all';
const origin = leaf(text(originAllowed), originAllowed, '', (given) => parseOrigin(String(given)));

export const listener: z.ZodObject = section('', {
  stomp: address(
    'Where STOMP clients connect over TCP. Without a host: on loopback. Each listener has one address, of one kind.',
  ).optional(),
  stomps: address('The same, over TLS; usually at port 61612.').optional(),
  ws: address('The same, over WebSocket.').optional(),
  wss: address('The same, over WebSocket and TLS; usually at port 61615.').optional(),
  advertise: reachableAddress(
    "What clients are told to connect to (CONNECTED's `failover` header). Default: the address it is bound to, or this machine's name where that is a wildcard.",
  ).optional(),
  anonymous: flag(
    'Clients without a login are let in: without `users` needed for an address beyond loopback; with them, who sends no login is in the group `anonymous` alone.',
  ).prefault(false),
  proxyProtocol: flag(
    'Each connection begins with a header of the PROXY protocol (version 1 or 2), as HAProxy sends it: so the log shows where clients are. Whoever reaches the port is believed.',
  ).prefault(false),
  clientCertificates: oneOf(
    ['none', 'optional', 'required'],
    'Of `stomps` and `wss`: whether clients show a certificate signed by `tls.ca`. One who does, and sends no passcode, is the user with the name in it (docs/security.md).',
  ).prefault('none'),
  origins: list(
    origin,
    "['https://app.example']",
    'Of `ws` and `wss`: the origins of the pages that may connect; programs that are no browsers name none, and are let in. Default: pages of this machine alone where anybody may log in, otherwise all.',
  ).optional(),
});

export const tls: z.ZodObject = section('The certificate of the listeners `stomps` and `wss`. Read anew on SIGHUP.', {
  cert: path('The certificate, PEM, with what stands between it and the authority that clients trust.'),
  key: path('The key to it, PEM.'),
  ca: path("The authorities that may sign clients' certificates, PEM. No others count.").optional(),
});

const nameAllowed = '1 to 255 characters, none of them a control character';
const name = (description: string): z.ZodType<string> =>
  leaf(text(nameAllowed), nameAllowed, description, (given) => {
    const said = String(given);
    // oxlint-disable-next-line no-control-regex -- control characters are what it is about
    return /^[^\u0000-\u001f\u007f]{1,255}$/.test(said) ? said : undefined;
  });

const passwordAllowed = 'a hash as `lockstep passwd USER` prints it: scrypt$…';

export const user: z.ZodObject = section('', {
  name: name("What CONNECT's `login` says."),
  password: leaf(
    text(passwordAllowed),
    passwordAllowed,
    'The hash of what its `passcode` must be. Without it the user comes in by certificate alone.',
    (given) => (parsePasswordHash(String(given)) === undefined ? undefined : String(given)),
  ).optional(),
  groups: list(name(''), '[ops, shop]', 'What `permissions` name.').prefault([]),
});

const groups = (what: string): z.ZodType => list(name(''), '[ops, shop]', what);

export const permission: z.ZodObject = section('', {
  match: pattern('The destinations that it is about.'),
  read: groups('Groups that may SUBSCRIBE; * is everybody who is let in.').prefault([]),
  write: groups('Groups that may SEND.').prefault([]),
  create: groups(
    'Groups that may do so where the queue is not there yet. Default: whoever may read or write.',
  ).optional(),
});
