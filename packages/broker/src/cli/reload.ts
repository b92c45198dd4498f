import { ConfigError } from '../config/config-error.ts';
import type { NodeSettings } from '../config/load-config.ts';
import type { ProgramLog } from '../logging/program-log.ts';
import type { ClientEntrances } from './client-entrances.ts';
import type { DestinationPolicies } from '../node/destination-policies.ts';
import { CommandError } from './exit-codes.ts';
import { readListenerTls } from './read-listener-tls.ts';

export interface ReloadOptions {
  /** By which the node runs. */
  readonly settings: NodeSettings;
  /** Reads the configuration as the start did. */
  readonly read: () => Promise<NodeSettings>;
  readonly entrances: Pick<ClientEntrances, 'reload'>;
  readonly destinations: Pick<DestinationPolicies, 'reload'>;
  readonly log: ProgramLog;
}

/** SIGHUP: users, permissions, hosts, certificates of listeners, policies of destinations and log level are read anew. What is wrong changes nothing. */
export function reloadOnHangUp(options: ReloadOptions): void {
  let reading: Promise<void> = Promise.resolve();
  process.on('SIGHUP', () => {
    reading = reading.then(() => reload(options));
  });
}

/** Never rejects. */
export async function reload({ settings, read, entrances, destinations, log }: ReloadOptions): Promise<void> {
  let fresh: NodeSettings;
  try {
    fresh = await read();
    // Whatever may be refused, before anything changes.
    const tls = readListenerTls(fresh);
    log.setLevel(fresh.log.level);
    entrances.reload(fresh.security, tls);
    destinations.reload(fresh.destinations);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof CommandError)) throw error;
    log.error('the configuration was not read anew, and nothing has changed', { why: error.message });
    return;
  }
  const { users, permissions } = fresh.security;
  log.info('read users, permissions, certificates, destinations and log level anew', {
    users: users.length,
    permissions: permissions?.length ?? 0,
    destinations: fresh.destinations.length,
  });
  const waiting = restartKeys.filter((key) => JSON.stringify(fresh[key]) !== JSON.stringify(settings[key]));
  if (waiting.length > 0) log.warn('changed, and to be read at the next start', { keys: waiting.join(', ') });
}

const restartKeys = [
  'broker',
  'node',
  'data',
  'listeners',
  'admin',
  'cluster',
  'slaveClients',
  'journal',
  'limits',
  'duplicates',
] as const;
