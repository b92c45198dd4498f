import { readClusterTls } from './read-cluster-tls.ts';
import { readConfig, readSecret } from './read-config.ts';
import { readListenerTls } from './read-listener-tls.ts';

/** Reads the file as `start` would, without the environment. @throws ConfigError, CommandError */
export async function checkConfig(file: string): Promise<void> {
  const settings = await readConfig(file, {}, {}, false);
  readSecret(settings.secretFile);
  readClusterTls(settings);
  readListenerTls(settings);
  const members = settings.cluster.members.length;
  const what = members === 1 ? 'a logical broker of one' : `one of ${members} nodes`;
  console.log(`${file} is right: node '${settings.node}' of broker '${settings.broker}', ${what}`);
}
