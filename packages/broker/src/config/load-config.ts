import { assert } from '@lockstep/kernel';
import type { Address, BrokerId, NodeId } from '@lockstep/kernel';

import type { ClusterOptions, JournalOptions, LimitOptions } from '../node/types.ts';
import type { SecuritySettings } from '../security/security-settings.ts';
import { listenerKinds } from './access-schema.ts';
import type { ListenerKind, ListenerValues, TlsValues } from './access-schema.ts';
import type { DuplicateOptions } from '../node/types.ts';
import type { DestinationRule } from '../node/destination-policies.ts';
import { ConfigError, nearest, showGiven } from './config-error.ts';
import type { ConfigProblem } from './config-error.ts';
import { brokenRules } from './rules.ts';
import { configSchema, knownKeys, laterKeys } from './schema.ts';
import type { ClusterTlsValues, ConfigValues, LogLevel } from './schema.ts';
import { getIn, mergeSources } from './sources.ts';
import type { MergedSources, Texts } from './sources.ts';
import type { ConfigPath, YamlFile } from './yaml-file.ts';

const DEFAULT_LISTENERS = [
  { kind: 'stomp', listen: { host: '127.0.0.1', port: 61_613 } },
  { kind: 'ws', listen: { host: '127.0.0.1', port: 61_614 } },
] as const;
const DEFAULT_ADMIN: Address = { host: '127.0.0.1', port: 8161 };
const DEFAULT_PEERS: Address = { host: '127.0.0.1', port: 61_619 };

const GIBIBYTE = 1024 ** 3;

export interface ListenerSettings {
  readonly kind: ListenerKind;
  readonly listen: Address;
  readonly advertise: Address | null;
  readonly anonymous: boolean;
  readonly proxyProtocol: boolean;
  readonly clientCertificates: 'none' | 'optional' | 'required';
  /** Of the pages that may connect; null: not said. */
  readonly origins: readonly string[] | null;
}

/** All that makes a node, but the machine's own ports and the secret itself. */
export interface NodeSettings {
  readonly broker: BrokerId;
  readonly node: NodeId;
  /** Directory; absolute. */
  readonly data: string;
  readonly listeners: readonly ListenerSettings[];
  readonly admin: Address | null;
  readonly cluster: Omit<ClusterOptions, 'secret' | 'tls'>;
  readonly slaveClients: 'serve' | 'refuse';
  readonly destinations: readonly DestinationRule[];
  readonly duplicates: DuplicateOptions;
  /** Absolute. */
  readonly secretFile: string | null;
  /** Absolute paths. */
  readonly clusterTls: ClusterTlsValues | null;
  /** Of the listeners with TLS; absolute paths. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string | null } | null;
  readonly security: SecuritySettings;
  readonly journal: JournalOptions;
  readonly limits: LimitOptions;
  readonly log: { readonly level: LogLevel; readonly pretty: boolean };
}

export interface ConfigSources {
  readonly file: { readonly yaml: YamlFile; readonly directory: string } | null;
  readonly environment: Texts;
  /** By name, without the leading `--`. */
  readonly flags: Texts;
  /** All listeners may be open to anybody. */
  readonly anonymous: boolean;
  /** For the defaults that depend on the machine. */
  readonly memoryBytes: number;
  readonly workingDirectory: string;
  /** Makes a path absolute. */
  readonly resolvePath: (directory: string, path: string) => string;
}

/** @throws ConfigError that says of each mistake where it is, what was given and what is allowed. */
export function loadConfig(sources: ConfigSources): NodeSettings {
  const { file } = sources;
  const merged = mergeSources(file?.yaml ?? null, sources.environment, sources.flags);
  const parsed = configSchema.safeParse(merged.values);
  if (!parsed.success) throw new ConfigError(parsed.error.issues.flatMap((issue) => problemsOf(issue, merged)));
  const values = sources.anonymous ? withAnonymousListeners(parsed.data) : parsed.data;
  const broken = brokenRules(values, (path) => merged.origin(path));
  if (broken.length > 0) throw new ConfigError(broken);
  const absolute = (path: ConfigPath, text: string): string =>
    sources.resolvePath(merged.fromFile(path) && file !== null ? file.directory : sources.workingDirectory, text);
  return settle(values, absolute, sources.memoryBytes);
}

function withAnonymousListeners(values: ConfigValues): ConfigValues {
  return {
    ...values,
    listeners: values.listeners?.map((listener) => ({ ...listener, anonymous: true })),
    admin: values.admin === undefined ? undefined : { ...values.admin, anonymous: true },
  };
}

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

function problemsOf(issue: Issue, merged: MergedSources): ConfigProblem[] {
  const path = issue.path as ConfigPath;
  if (issue.code === 'unrecognized_keys') return (issue.keys ?? []).map((key) => unknownKey([...path, key], merged));
  const given = getIn(merged.values, path);
  return [
    {
      where: merged.origin(path),
      key: path.join('.'),
      given: given === undefined ? null : showGiven(given),
      allowed: given === undefined ? `is missing; it ${issue.message}` : issue.message,
    },
  ];
}

function sectionOf(path: ConfigPath): readonly string[] {
  return path.filter((step) => typeof step === 'string');
}

function unknownKey(path: ConfigPath, merged: MergedSources): ConfigProblem {
  const name = String(path[path.length - 1]);
  const section = sectionOf(path.slice(0, -1));
  const where = merged.origin(path);
  const key = path.join('.');
  if ((laterKeys[section.join('.')] ?? []).includes(name)) {
    return { where, key, given: null, allowed: 'is not available in this version' };
  }
  const known = knownKeys[section.join('.')] ?? [];
  const meant = nearest(name, known);
  const hint = meant === undefined ? `known here: ${known.join(', ')}` : `did you mean '${meant}'?`;
  return { where, key, given: null, allowed: `there is no such key; ${hint}` };
}

function settle(
  values: ConfigValues,
  absolute: (path: ConfigPath, text: string) => string,
  memoryBytes: number,
): NodeSettings {
  const { cluster, journal, log, limits, listeners } = values;
  const { sendWait, ...otherLimits } = limits;
  const node = values.node as NodeId;
  const named = listeners !== undefined;
  const members = Object.entries(cluster.members ?? { [node]: DEFAULT_PEERS }).map(([id, address]) => ({
    id: id as NodeId,
    address,
  }));
  const own = members.find(({ id }) => id === node)?.address ?? DEFAULT_PEERS;
  return {
    broker: values.broker as BrokerId,
    node,
    data: absolute(['data'], values.data),
    listeners: listeners?.map(listenerSettings) ?? defaultListeners(),
    admin: values.admin?.listen ?? (named ? null : DEFAULT_ADMIN),
    cluster: {
      members,
      // One that names itself alone may be joined by others.
      listen: cluster.members === undefined ? null : (cluster.listen ?? own),
      witness: cluster.witness,
      refusedMeansDead: cluster.refusedMeansDead,
      electionMs: cluster.electionMs,
      heartbeatMs: cluster.heartbeatMs,
      leaseMs: cluster.lease,
      masterWaitMs: cluster.masterWait,
    },
    slaveClients: values.slaveClients,
    tls: values.tls === undefined ? null : certificatePaths(values.tls, absolute),
    security: {
      users: (values.users ?? []).map((user) => ({ ...user, password: user.password ?? null })),
      permissions: values.permissions?.map((rule) => ({ ...rule, create: rule.create ?? null })) ?? null,
      hosts: values.hosts ?? null,
    },
    destinations: values.destinations ?? [],
    duplicates: { idsMax: values.duplicates.ids, ageMs: values.duplicates.age },
    secretFile: cluster.secretFile === undefined ? null : absolute(['cluster', 'secretFile'], cluster.secretFile),
    clusterTls: cluster.tls === undefined ? null : tlsPaths(cluster.tls, absolute),
    journal: {
      ...journal,
      snapshotBytes: journal.snapshotBytes ?? journal.segmentBytes,
      softLimitBytes: journal.softLimitBytes ?? null,
      hardLimitBytes: journal.hardLimitBytes ?? null,
    },
    limits: {
      ...otherLimits,
      sendWaitMs: sendWait,
      halfSentBytes: limits.halfSentBytes ?? Math.min(GIBIBYTE, Math.floor(memoryBytes / 8)),
      indexBytes: limits.indexBytes ?? Math.floor(memoryBytes / 2),
    },
    log,
  };
}

function listenerSettings(listener: ListenerValues): ListenerSettings {
  const { anonymous, proxyProtocol, clientCertificates } = listener;
  const kind = listenerKinds.find((one) => listener[one] !== undefined);
  const listen = kind === undefined ? undefined : listener[kind];
  assert(kind !== undefined && listen !== undefined, 'the rules ask every listener for an address');
  const others = { advertise: listener.advertise ?? null, origins: listener.origins ?? null };
  return { kind, listen, anonymous, proxyProtocol, clientCertificates, ...others };
}

function defaultListeners(): readonly ListenerSettings[] {
  const plain = { anonymous: false, proxyProtocol: false, clientCertificates: 'none' } as const;
  return DEFAULT_LISTENERS.map((one) => ({ ...one, ...plain, advertise: null, origins: null }));
}

function certificatePaths(
  { cert, key, ca }: TlsValues,
  absolute: (path: ConfigPath, text: string) => string,
): NodeSettings['tls'] {
  const at = (name: string, text: string): string => absolute(['tls', name], text);
  return { cert: at('cert', cert), key: at('key', key), ca: ca === undefined ? null : at('ca', ca) };
}

function tlsPaths(tls: ClusterTlsValues, absolute: (path: ConfigPath, text: string) => string): ClusterTlsValues {
  const at = (key: keyof ClusterTlsValues): string => absolute(['cluster', 'tls', key], tls[key]);
  return { cert: at('cert'), key: at('key'), ca: at('ca') };
}
