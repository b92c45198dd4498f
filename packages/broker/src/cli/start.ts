import { hostname } from 'node:os';
import { formatAddress, NetworkError } from '@lockstep/kernel';
import type { Address } from '@lockstep/kernel';

import { endsWithStdin } from '../cluster/ends-with-stdin.ts';
import type { Texts } from '../config/sources.ts';
import { programLog } from '../logging/program-log.ts';
import type { ProgramLog } from '../logging/program-log.ts';
import { DestinationPolicies } from '../node/destination-policies.ts';
import type { ListenerKind, RunningNode } from '../node/types.ts';
import { NodeClock } from '../ports/node-clock.ts';
import { NodeDisk } from '../ports/node-disk.ts';
import { NodeNetwork } from '../ports/node-network.ts';
import { NodeRandom } from '../ports/node-random.ts';
import { ClientEntrances } from './client-entrances.ts';
import { takeDataDirectory } from './data-directory.ts';
import { startFailure } from './failures.ts';
import { logOutput } from './log-output.ts';
import { readClusterTls } from './read-cluster-tls.ts';
import { readConfig, readSecret } from './read-config.ts';
import { readListenerTls } from './read-listener-tls.ts';
import { reloadOnHangUp } from './reload.ts';
import { Shutdown } from './shutdown.ts';
import type { StartNode } from './start-node.ts';
import { programVersion } from './version.ts';

export interface StartInputs {
  readonly config: string | undefined;
  readonly flags: Texts;
  readonly anonymous: boolean;
  readonly environment: Texts;
  readonly startNode: StartNode;
}

/** Runs one node until it is told to stop. Resolves when it is ready. @throws ConfigError, CommandError */
export async function start(inputs: StartInputs): Promise<void> {
  const { environment } = inputs;
  const settings = await readConfig(inputs.config, inputs.flags, environment, inputs.anonymous);
  const secret = readSecret(settings.secretFile);
  const tls = readClusterTls(settings);
  const listenerTls = readListenerTls(settings);
  const lock = await takeDataDirectory(settings.data, { broker: settings.broker, node: settings.node });
  const clock = new NodeClock();
  const { stream, flush } = await logOutput(settings.log.pretty);
  const { broker, node: name } = settings;
  const log = programLog({ level: settings.log.level, broker, node: name, clock, output: stream });

  let node: RunningNode | null = null;
  let admin: OpenAdmin | null = null;
  const steps = (): (() => Promise<void>)[] => [
    async () => node?.stop(),
    async () => admin?.close(),
    () => lock.release(),
  ];
  const shutdown = new Shutdown({ log, flush, steps });
  shutdown.watchProcess();
  if (environment[endsWithStdin] !== undefined) shutdown.watchParent();

  const version = programVersion();
  log.info('starting', {
    version,
    data: settings.data,
    members: settings.cluster.members.map(({ id }) => id).join(','),
  });
  if (settings.journal.fsync !== 'always') {
    log.warn('journal.fsync is not `always`: a power failure can lose messages that were acknowledged', {
      fsync: settings.journal.fsync,
    });
  }
  const destinations = new DestinationPolicies(settings.destinations);
  const entrances = new ClientEntrances(settings, listenerTls, log);
  try {
    if (settings.admin !== null) admin = await openAdmin(settings.admin, () => node);
    node = await inputs.startNode({
      ...settings,
      destinations,
      version,
      hostName: hostname(),
      clock,
      random: new NodeRandom(),
      disk: new NodeDisk(settings.data),
      network: new NodeNetwork(),
      log,
      listeners: entrances.listeners,
      access: entrances.security,
      cluster: { ...settings.cluster, secret, tls },
    });
  } catch (error) {
    await admin?.close();
    await lock.release();
    flush();
    throw startFailure(error, settings);
  }
  if (shutdown.begun) return;
  tellStory(node, log, shutdown);
  reloadOnHangUp({
    settings,
    read: () => readConfig(inputs.config, inputs.flags, environment, inputs.anonymous),
    entrances,
    destinations,
    log,
  });
  log.always('ready', readyFields(node, admin?.bound ?? null));
}

function tellStory(node: RunningNode, log: ProgramLog, shutdown: Shutdown): void {
  node.onFailure((error) => shutdown.fail(error));
  node.onRoleChange((role, master) => log.info('role', { role, master }));
}

/** What the `ready` line says: every address that was bound (lists are separated by commas), and the role so far. */
function readyFields(node: RunningNode, admin: Address | null): Record<string, string | null> {
  const { role, master } = node.status();
  const bound = (kind: ListenerKind): string | null => {
    const addresses = node.listeners.filter((listener) => listener.kind === kind);
    return addresses.length === 0 ? null : addresses.map((listener) => formatAddress(listener.bound)).join(',');
  };
  return {
    role,
    master,
    stomp: bound('stomp'),
    stomps: bound('stomps'),
    ws: bound('ws'),
    wss: bound('wss'),
    admin: admin === null ? null : formatAddress(admin),
    peers: node.peerAddress === null ? null : formatAddress(node.peerAddress),
  };
}

interface OpenAdmin {
  readonly bound: Address;
  close(): Promise<void>;
}

async function openAdmin(address: Address, subject: () => RunningNode | null): Promise<OpenAdmin> {
  const [{ adminServer, listenAdmin }, { statusPage }] = await Promise.all([
    import('../admin/admin-server.ts'),
    import('./status-page.ts'),
  ]);
  const server = adminServer({ subject, page: statusPage() });
  try {
    const bound = await listenAdmin(server, address);
    return { bound, close: () => server.close() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const kind = code === 'EADDRINUSE' ? 'in-use' : code === 'EACCES' ? 'denied' : 'other';
    throw new NetworkError(kind, `listen ${formatAddress(address)}: ${message}`, error);
  }
}
