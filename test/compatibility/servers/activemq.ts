import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePorts } from '../../harness/free-ports.ts';
import type { RunningServer } from '../server.ts';
import { foreignPatienceMs, installDebian, spawnServer, stopChild, untilConnects } from './foreign.ts';

const home = '/usr/share/activemq';
const jar = `${home}/bin/activemq.jar`;

/** As it comes, with a STOMP connector, the scheduler and one user beside the anonymous. */
function configuration(directory: string, port: number): string {
  return `<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="peer" useJmx="false" schedulerSupport="true"
    dataDirectory="${directory}/data">
    <persistenceAdapter><kahaDB directory="${directory}/data/kahadb"/></persistenceAdapter>
    <plugins>
      <simpleAuthenticationPlugin anonymousAccessAllowed="true">
        <users><authenticationUser username="guest" password="guest" groups="users"/></users>
      </simpleAuthenticationPlugin>
    </plugins>
    <transportConnectors><transportConnector name="stomp" uri="stomp://127.0.0.1:${port}"/></transportConnectors>
  </broker>
</beans>
`;
}

/** Debian's ActiveMQ on loopback, its data in a directory of its own. */
export async function startActiveMq(): Promise<RunningServer> {
  installDebian('activemq', jar);
  const directory = await mkdtemp(join(tmpdir(), 'compatibility-activemq-'));
  const [port] = (await freePorts(1)) as [number];
  await mkdir(join(directory, 'conf'));
  await mkdir(join(directory, 'data'));
  const file = join(directory, 'conf/activemq.xml');
  await writeFile(file, configuration(directory, port));
  const properties = Object.entries({
    'activemq.home': home,
    'activemq.base': directory,
    'activemq.conf': join(directory, 'conf'),
    'activemq.data': join(directory, 'data'),
    'java.io.tmpdir': join(directory, 'data'),
  });
  const args = ['-Xmx512M', ...properties.map(([name, value]) => `-D${name}=${value}`), '-jar', jar];
  const child = await spawnServer('java', [...args, 'start', `xbean:file:${file}`], {}, directory);
  const stop = async (): Promise<void> => {
    await stopChild(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilConnects(child, port, 'host:localhost', directory);
  } catch (error) {
    await stop();
    throw error;
  }
  const login = { host: 'localhost', login: 'guest', passcode: 'guest' };
  return { name: 'ActiveMQ', port, ...login, patienceMs: foreignPatienceMs, stop };
}
