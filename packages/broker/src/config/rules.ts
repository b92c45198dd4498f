import { formatAddress } from '@lockstep/kernel';
import type { Address } from '@lockstep/kernel';

import { isLoopback } from './addresses.ts';
import type { ConfigProblem } from './config-error.ts';
import { showGiven } from './config-error.ts';
import { idAllowed, idPattern } from './leaves.ts';
import { listenerKinds } from './access-schema.ts';
import type { ListenerKind, ListenerValues } from './access-schema.ts';
import type { ConfigValues } from './schema.ts';
import type { ConfigPath } from './yaml-file.ts';

/** What is wrong, before it is known who said it. */
interface Finding {
  readonly path: ConfigPath;
  /** Empty: there is nothing to show. */
  readonly given: string;
  readonly allowed: string;
}

const OPEN_HINT =
  'is beyond loopback, and without users anybody could log in: bind it to 127.0.0.1, name users, or allow that with `anonymous: true` (or --anonymous)';

const OPEN_ADMIN_HINT =
  'is beyond loopback, and the admin port knows no users in this version: bind it to 127.0.0.1, or allow that with `anonymous: true` (or --anonymous)';

function beyondLoopback(values: ConfigValues): Finding[] {
  const findings: Finding[] = [];
  const listeners = (values.users ?? []).length > 0 ? [] : (values.listeners ?? []);
  for (const [index, listener] of listeners.entries()) {
    for (const { kind, address } of addressesOf(listener)) {
      if (isLoopback(address.host) || listener.anonymous) continue;
      findings.push({ path: ['listeners', index, kind], given: formatAddress(address), allowed: OPEN_HINT });
    }
  }
  const { admin } = values;
  if (admin !== undefined && !isLoopback(admin.listen.host) && !admin.anonymous) {
    findings.push({ path: ['admin'], given: formatAddress(admin.listen), allowed: OPEN_ADMIN_HINT });
  }
  return findings;
}

function addressesOf(listener: ListenerValues): readonly { readonly kind: ListenerKind; readonly address: Address }[] {
  return listenerKinds.flatMap((kind) => {
    const address = listener[kind];
    return address === undefined ? [] : [{ kind, address }];
  });
}

function listeners(values: ConfigValues): Finding[] {
  const findings: Finding[] = [];
  for (const [index, listener] of (values.listeners ?? []).entries()) {
    const find = (key: string, given: string, allowed: string): void => {
      findings.push({ path: ['listeners', index, key], given, allowed });
    };
    const [first, second] = addressesOf(listener);
    if (first === undefined) {
      const allowed = `a listener must name its address with one of the keys ${listenerKinds.join(', ')}`;
      findings.push({ path: ['listeners', index], given: '', allowed });
      continue;
    }
    const { kind } = first;
    if (second !== undefined) {
      find(second.kind, formatAddress(second.address), `must be a listener of its own: this one has ${kind} already`);
    }
    const isSecure = kind === 'stomps' || kind === 'wss';
    if (isSecure && values.tls === undefined) find(kind, formatAddress(first.address), 'needs a certificate: see tls');
    if (listener.clientCertificates !== 'none') {
      const { clientCertificates } = listener;
      if (!isSecure) find('clientCertificates', clientCertificates, `must be none: ${kind} has no TLS`);
      else if (values.tls !== undefined && values.tls.ca === undefined) {
        find('clientCertificates', clientCertificates, 'needs tls.ca, which says who signs them');
      }
    }
    if (listener.origins !== undefined && kind !== 'ws' && kind !== 'wss') {
      find('origins', showGiven(listener.origins), `must not be given: ${kind} is no WebSocket`);
    }
  }
  return findings;
}

function access({ users, permissions }: ConfigValues): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const [index, { name }] of (users ?? []).entries()) {
    if (seen.has(name)) {
      findings.push({
        path: ['users', index, 'name'],
        given: showGiven(name),
        allowed: 'is the name of another user, too',
      });
    }
    seen.add(name);
  }
  if (permissions !== undefined && (users ?? []).length === 0) {
    findings.push({
      path: ['permissions'],
      given: '',
      allowed: 'needs users: without them any login is taken, and may do everything',
    });
  }
  return findings;
}

function membership(values: ConfigValues): Finding[] {
  const { node, cluster } = values;
  if (cluster.members === undefined) {
    if (cluster.listen === undefined) return [];
    const allowed = 'needs cluster.members (--members), which names the nodes that may connect there';
    return [{ path: ['cluster', 'listen'], given: formatAddress(cluster.listen), allowed }];
  }
  const findings: Finding[] = [];
  const ids = Object.keys(cluster.members);
  for (const id of ids) {
    if (!idPattern.test(id)) {
      findings.push({
        path: ['cluster', 'members', id],
        given: showGiven(id),
        allowed: `a member's id must be ${idAllowed}`,
      });
    }
  }
  if (!ids.includes(node)) {
    const allowed = `must be one of cluster.members, which are: ${ids.join(', ')}`;
    findings.push({ path: ['node'], given: showGiven(node), allowed });
  }
  const seen = new Map<string, string>();
  for (const [id, address] of Object.entries(cluster.members)) {
    const text = formatAddress(address);
    const other = seen.get(text);
    if (other !== undefined) {
      const allowed = `is the address of member '${other}' already; each has its own`;
      findings.push({ path: ['cluster', 'members', id], given: text, allowed });
    }
    seen.set(text, id);
  }
  return findings;
}

function provenMembers({ cluster }: ConfigValues): Finding[] {
  if (cluster.secretFile !== undefined || cluster.tls !== undefined || cluster.members === undefined) return [];
  const addresses: { readonly path: ConfigPath; readonly address: Address }[] = [];
  if (cluster.listen !== undefined) addresses.push({ path: ['cluster', 'listen'], address: cluster.listen });
  for (const [id, address] of Object.entries(cluster.members)) {
    addresses.push({ path: ['cluster', 'members', id], address });
  }
  const open = addresses.find(({ address }) => !isLoopback(address.host));
  if (open === undefined) return [];
  const allowed =
    'is beyond loopback, where anybody could pose as a member: name a file with a shared secret in cluster.secretFile (--secret-file), or certificates in cluster.tls';
  return [{ path: open.path, given: formatAddress(open.address), allowed }];
}

function timing({ cluster }: ConfigValues): Finding[] {
  if (cluster.heartbeatMs * 3 <= cluster.electionMs) return [];
  const allowed = `must be at most a third of cluster.electionMs, which is ${cluster.electionMs}ms`;
  return [{ path: ['cluster', 'heartbeatMs'], given: `${cluster.heartbeatMs}ms`, allowed }];
}

function halfSent({ limits }: ConfigValues): Finding[] {
  const { halfSentBytes, bodyBytes, headerBytes } = limits;
  const least = bodyBytes + headerBytes;
  if (halfSentBytes === undefined || halfSentBytes >= least) return [];
  const allowed = `must be at least limits.bodyBytes and limits.headerBytes together, which is ${least}`;
  return [{ path: ['limits', 'halfSentBytes'], given: String(halfSentBytes), allowed }];
}

/** Segments that are in use whatever lives: fewer, and the limit would be passed by nothing. */
const segmentsMin = 8;

function diskLimits({ journal }: ConfigValues): Finding[] {
  const { segmentBytes, softLimitBytes, hardLimitBytes } = journal;
  const findings: Finding[] = [];
  const least = segmentsMin * segmentBytes;
  if (hardLimitBytes !== undefined && hardLimitBytes < least) {
    const allowed = `must be at least ${segmentsMin} times journal.segmentBytes, which makes ${least}`;
    findings.push({ path: ['journal', 'hardLimitBytes'], given: String(hardLimitBytes), allowed });
  }
  if (softLimitBytes !== undefined && hardLimitBytes !== undefined && softLimitBytes > hardLimitBytes) {
    const allowed = `must be at most journal.hardLimitBytes, which is ${hardLimitBytes}`;
    findings.push({ path: ['journal', 'softLimitBytes'], given: String(softLimitBytes), allowed });
  }
  return findings;
}

/** Rules between keys. */
export function brokenRules(values: ConfigValues, origin: (path: ConfigPath) => string): ConfigProblem[] {
  const rules = [beyondLoopback, listeners, access, membership, provenMembers, timing, halfSent, diskLimits];
  const findings = rules.flatMap((rule) => rule(values));
  return findings.map(({ path, given, allowed }) => ({
    ...{ where: origin(path), key: path.join('.'), allowed },
    given: given === '' ? null : given,
  }));
}
