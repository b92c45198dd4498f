import { formatAddress } from '@lockstep/kernel';
import type { Address } from '@lockstep/kernel';

import { isLoopback } from './addresses.ts';
import type { ConfigProblem } from './config-error.ts';
import { showGiven } from './config-error.ts';
import { idAllowed, idPattern } from './leaves.ts';
import type { ConfigValues } from './schema.ts';
import type { ConfigPath } from './yaml-file.ts';

/** What is wrong, before it is known who said it. */
interface Finding {
  readonly path: ConfigPath;
  readonly given: string;
  readonly allowed: string;
}

const OPEN_HINT =
  'is beyond loopback, and without users anybody could log in: bind it to 127.0.0.1, or allow that with `anonymous: true` (or --anonymous)';

function beyondLoopback(values: ConfigValues): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { stomp, anonymous }] of (values.listeners ?? []).entries()) {
    if (isLoopback(stomp.host) || anonymous) continue;
    findings.push({ path: ['listeners', index, 'stomp'], given: formatAddress(stomp), allowed: OPEN_HINT });
  }
  const { admin } = values;
  if (admin !== undefined && !isLoopback(admin.listen.host) && !admin.anonymous) {
    findings.push({ path: ['admin'], given: formatAddress(admin.listen), allowed: OPEN_HINT });
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
  const rules = [beyondLoopback, membership, provenMembers, timing, halfSent, diskLimits];
  const findings = rules.flatMap((rule) => rule(values));
  return findings.map(({ path, given, allowed }) => ({ where: origin(path), key: path.join('.'), given, allowed }));
}
