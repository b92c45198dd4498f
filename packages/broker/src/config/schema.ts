import { z } from 'zod';

import type { Address } from '@lockstep/kernel';

import type { DestinationRule } from '../node/destination-policies.ts';
import type { LimitOptions } from '../node/types.ts';
import { listener, permission, tls, user } from './access-schema.ts';
import type { ListenerValues, PermissionValues, TlsValues, UserValues } from './access-schema.ts';
import { destination, duplicates } from './destination-schema.ts';
import type { DuplicateValues } from './destination-schema.ts';
import { address, bytes, count, duration, flag, id, oneOf, path, reachableAddress, word } from './leaves.ts';
import { list, section } from './section.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A configuration whose every value is well-formed; rules between keys are not checked yet, and what has no fixed default is absent. */
export interface ConfigValues {
  readonly broker: string;
  readonly node: string;
  readonly data: string;
  readonly listeners?: readonly ListenerValues[] | undefined;
  readonly admin?: AdminValues | undefined;
  readonly tls?: TlsValues | undefined;
  readonly users?: readonly UserValues[] | undefined;
  readonly permissions?: readonly PermissionValues[] | undefined;
  readonly hosts?: readonly string[] | undefined;
  readonly destinations?: readonly DestinationRule[] | undefined;
  readonly duplicates: DuplicateValues;
  readonly cluster: ClusterValues;
  readonly slaveClients: 'serve' | 'refuse';
  readonly journal: JournalValues;
  readonly limits: LimitValues;
  readonly log: { readonly level: LogLevel; readonly pretty: boolean };
}

export interface AdminValues {
  readonly listen: Address;
  readonly anonymous: boolean;
}

export interface ClusterTlsValues {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface ClusterValues {
  readonly listen?: Address | undefined;
  readonly members?: Readonly<Record<string, Address>> | undefined;
  readonly secretFile?: string | undefined;
  readonly tls?: ClusterTlsValues | undefined;
  readonly witness: boolean;
  readonly refusedMeansDead: boolean;
  readonly electionMs: number;
  readonly heartbeatMs: number;
  readonly lease: number;
  readonly masterWait: number;
}

export interface JournalValues {
  readonly fsync: 'always' | 'interval' | 'never';
  readonly segmentBytes: number;
  readonly snapshotBytes?: number | undefined;
  readonly softLimitBytes?: number | undefined;
  readonly hardLimitBytes?: number | undefined;
  readonly cacheBytes: number;
}

export interface LimitValues extends Omit<LimitOptions, 'halfSentBytes' | 'indexBytes' | 'sendWaitMs'> {
  readonly sendWait: number;
  readonly halfSentBytes?: number | undefined;
  readonly indexBytes?: number | undefined;
}

const anonymousAdmin = flag('Open to anybody who reaches it; needed for an address beyond loopback.').prefault(false);

const adminSection = section('', {
  listen: address('Where the admin API and the status page answer.'),
  anonymous: anonymousAdmin,
});

/** The admin key is an address, or a map when more than that is to be said. */
const admin = z
  .preprocess(
    (given) => (typeof given === 'string' || typeof given === 'number' ? { listen: given } : given),
    adminSection,
  )
  .meta({ shorthand: 'listen' });

const clusterTls = section('', {
  cert: path(
    "This node's certificate, PEM, with what stands between it and `ca`. It names the node: see docs/membership.md.",
  ),
  key: path('The key to it, PEM.'),
  ca: path("The authorities that may sign members' certificates, PEM. No others count."),
});

const cluster = section('The other nodes of this logical broker. Without members it is a logical broker of one.', {
  listen: address("Where the other nodes connect. Default: this node's address among the members.").optional(),
  members: z
    .record(z.string(), reachableAddress("A member's id, and where the others reach it."), {
      error: 'must be a map of node ids to HOST:PORT, as { a: 127.0.0.1:61619, b: 127.0.0.1:61629 }',
    })
    .meta({
      description:
        'Who founds the logical broker together, this node included: the same on each of them. A node that joins names itself and at least one member. Once the broker is founded the replicated membership counts (docs/membership.md), and differences are logged.',
      allowed: 'a map of node ids to HOST:PORT',
    })
    .optional(),
  secretFile: path(
    'A file with the secret that all members share, at least 16 bytes. This or `tls` is required when any member is beyond loopback.',
  ).optional(),
  tls: clusterTls
    .meta({
      description: 'Mutual TLS between the members: all of them use it, or none.',
      allowed: 'a map with the keys cert, key, ca',
    })
    .optional(),
  witness: flag(
    'This node is a witness: it votes, and keeps of the journal what another member lacks, but no messages, and it takes no clients: its listeners stay closed. Settled when it becomes a member; witnesses are fewer than half of the members.',
  ).prefault(false),
  refusedMeansDead: flag(
    'A member whose connection broke and that refuses a new one counts as dead, and another takes over at once. Set it to false where a proxy stands between the nodes.',
  ).prefault(true),
  electionMs: duration(
    '50ms',
    'How long the master may be silent before a slave stands for election: drawn between this and twice this.',
  ).prefault('500ms'),
  heartbeatMs: duration('10ms', 'How often the master says that it lives. At most a third of `electionMs`.').prefault(
    '100ms',
  ),
  lease: duration(
    '1s',
    'How long a node that the master no longer hears keeps the messages that its clients have not acknowledged; then they go to others, marked as redelivered. A node whose process is gone keeps nothing.',
  ).prefault('10s'),
  masterWait: duration(
    '1s',
    'How long clients stay connected while no master is known: nothing is read from them, and heart-beats go on. Then their connections are closed, without an ERROR; so are those of a node that has a master and applies nothing for as long, though something waits for it. With a longer time than `limits.sendWait`, those who wait with a frame get the ERROR of that first.',
  ).prefault('20s'),
});

const journal = section('The replicated journal on disk.', {
  fsync: oneOf(
    ['always', 'interval', 'never'],
    'When a write is forced to the disk. With `always`, a receipt means that the message is on the disks of a majority. With the others a power failure can lose acknowledged messages.',
  ).prefault('always'),
  segmentBytes: bytes('64KiB', 'Size of one journal file.').prefault('64MiB'),
  snapshotBytes: bytes(
    '64KiB',
    'How much the journal grows before a snapshot is taken and older files may go. Default: the size of one file.',
  ).optional(),
  softLimitBytes: bytes(
    '1MiB',
    "What the journal's files may take on the disk before producers are slowed. Default: 80 % of the file system, whoever uses it.",
  ).optional(),
  hardLimitBytes: bytes(
    '1MiB',
    "What the journal's files may take on the disk; beyond it SENDs are refused, and ACKs go on. At least eight times `segmentBytes`. Default: 90 % of the file system, whoever uses it.",
  ).optional(),
  cacheBytes: bytes(
    '1MiB',
    'What may be kept in memory of messages that were read back from the disk, besides those that came in last.',
  ).prefault('64MiB'),
});

const limits = section(
  'What clients may take, each for itself unless said. Beyond a limit a client gets an ERROR that names it, and is disconnected.',
  {
    headerBytes: bytes('1KiB', 'Command line and headers of one frame.').prefault('64KiB'),
    headers: count('Header lines of one frame.').prefault(1000),
    bodyBytes: bytes('1KiB', 'Body of one frame.').prefault('16MiB'),
    halfSentBytes: bytes(
      '1MiB',
      "What all connections of this node together may have half sent: unfinished frames above 16 KiB as they come in, and open transactions. Beyond it, who sends more gets the ERROR. Default: an eighth of the machine's memory, at most 1 GiB.",
    ).optional(),
    indexBytes: bytes(
      '1MiB',
      "What the index of waiting messages may take in memory (some 32 bytes for each); beyond it SENDs are refused, and ACKs go on. Default: half of the machine's memory.",
    ).optional(),
    connections: count('Client connections of this node.').prefault(10_000),
    subscriptions: count('Subscriptions of one connection.').prefault(1000),
    transactions: count('Open transactions of one connection.').prefault(100),
    transactionFrames: count('Frames in one transaction.').prefault(10_000),
    transactionBytes: bytes(
      '1KiB',
      'Headers and bodies in all open transactions of one connection. A COMMIT is one entry of the journal: a very large one can keep a busy master from being heard by the others for so long that it loses mastership.',
    ).prefault('32MiB'),
    connectMs: duration('100ms', 'From the connection to a whole CONNECT frame.').prefault('10s'),
    sendWait: duration(
      '1s',
      'How long a frame waits for a broker that takes nothing in (no majority is heard, the disk hangs) before its client gets an ERROR that says why.',
    ).prefault('30s'),
    topicBacklogBytes: bytes(
      '1KiB',
      'What one subscription of a topic may have waiting before its client is disconnected as too slow.',
    ).prefault('16MiB'),
  },
);

const log = section('The log, on standard output.', {
  level: oneOf(['debug', 'info', 'warn', 'error'], 'The least important lines that are shown.').prefault('info'),
  pretty: flag('Lines for people instead of JSON.').prefault(false),
});

const top = section('', {
  broker: id('Id of the logical broker: the same on all its nodes.').prefault('lockstep'),
  node: id('Id of this node in it.').prefault('a'),
  data: path(
    'Directory of the journal. It is locked while the node runs, and belongs to this broker and node for good.',
  ).prefault('./data'),
  listeners: z
    .array(listener, { error: 'must be a list, as [{ stomp: 127.0.0.1:61613 }]' })
    .min(1, { error: 'must have at least one listener' })
    .meta({
      description: 'Where clients connect. Default: `stomp` at 127.0.0.1:61613 and `ws` at 127.0.0.1:61614.',
    })
    .optional(),
  admin: admin
    .meta({
      description:
        'The admin API and the status page: an address, or a map. Default: 127.0.0.1:8161 when no listener is named either, otherwise none.',
    })
    .optional(),
  tls: tls.optional(),
  users: list(
    user,
    '[{ name: ann, password: "scrypt$…" }]',
    'Who may log in. Without users any login is taken. Read anew on SIGHUP; each node has its own.',
  ).optional(),
  permissions: list(
    permission,
    '[{ match: /queue/orders.>, read: [ops], write: [ops, shop] }]',
    'What users may do: the first entry that matches a destination counts, and one that none matches may be used by nobody. Without permissions every user may do everything. Read anew on SIGHUP; each node has its own.',
  ).optional(),
  hosts: list(
    word('a name, as CONNECT says it in its header `host`'),
    '[broker.example]',
    'What `host` of a CONNECT may say; one without it is let in. Default: anything.',
  ).optional(),
  destinations: list(
    destination,
    '[{ match: /queue/orders.>, maxDeliveries: 10, deadLetter: individual }]',
    'Policies of destinations: the first entry that matches one counts, with the defaults for what it does not say; so do these for one that none matches. The master goes by its own: give them to all nodes. Read anew on SIGHUP.',
  ).optional(),
  duplicates: duplicates.prefault({}),
  cluster: cluster.prefault({}),
  slaveClients: oneOf(
    ['serve', 'refuse'],
    'Whether a slave takes clients. With `refuse` its listeners are closed for as long as it is not the master.',
  ).prefault('serve'),
  journal: journal.prefault({}),
  limits: limits.prefault({}),
  log: log.prefault({}),
});

/** The one description of the configuration: what checks it, what its JSON Schema and its documentation are made of. */
export const configSchema: z.ZodType<ConfigValues> = top as unknown as z.ZodType<ConfigValues>;

/** The keys of each section, by the section's own key; the top's is empty. */
export const knownKeys: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(top.shape),
  listeners: Object.keys(listener.shape),
  admin: Object.keys(adminSection.shape),
  cluster: Object.keys(cluster.shape),
  'cluster.tls': Object.keys(clusterTls.shape),
  tls: Object.keys(tls.shape),
  users: Object.keys(user.shape),
  permissions: Object.keys(permission.shape),
  destinations: Object.keys(destination.shape),
  duplicates: Object.keys(duplicates.shape),
  journal: Object.keys(journal.shape),
  limits: Object.keys(limits.shape),
  log: Object.keys(log.shape),
};

/** Keys that the configuration will have, and that this version doesn't know yet: by the key of their section. */
export const laterKeys: Readonly<Record<string, readonly string[]>> = {
  '': ['links'],
};
