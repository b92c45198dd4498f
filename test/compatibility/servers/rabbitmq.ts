import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePorts } from '../../harness/free-ports.ts';
import type { RunningServer } from '../server.ts';
import { foreignPatienceMs, installDebian, spawnServer, stopChild, untilConnects } from './foreign.ts';

/** The one that does not change the user; the one in /usr/sbin does. */
const command = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** Debian's RabbitMQ as it comes, with its STOMP plugin, on loopback, its data in a directory of its own. */
export async function startRabbitMq(): Promise<RunningServer> {
  installDebian('rabbitmq-server', command);
  const directory = await mkdtemp(join(tmpdir(), 'compatibility-rabbitmq-'));
  const [port, distribution, mapper] = (await freePorts(3)) as [number, number, number];
  await mkdir(join(directory, 'log'));
  await writeFile(
    join(directory, 'rabbitmq.conf'),
    `listeners.tcp = none\nstomp.listeners.tcp.1 = 127.0.0.1:${port}\nlog.file.level = warning\n`,
  );
  await writeFile(join(directory, 'enabled_plugins'), '[rabbitmq_stomp].\n');
  const pidFile = join(directory, 'pid');
  const env = {
    HOME: directory,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(mapper),
    ERL_CRASH_DUMP: join(directory, 'crash'),
    RABBITMQ_NODENAME: `peer${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: join(directory, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_PID_FILE: pidFile,
  };
  const child = await spawnServer(command, [], env, directory);
  const stop = async (): Promise<void> => {
    // What was started is a script; the broker says which process it is.
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null) {
      process.kill(brokerOf(pidFile) ?? child.pid!, 'SIGTERM');
      const timer = setTimeout(() => process.kill(brokerOf(pidFile) ?? child.pid!, 'SIGKILL'), 20_000);
      await gone;
      clearTimeout(timer);
    }
    await stopChild(child);
    // Erlang's port mapper, which the broker has started at a port of its own.
    execFileSync('epmd', ['-port', String(mapper), '-kill'], { stdio: 'ignore' });
    await rm(directory, { recursive: true, force: true });
  };
  const login = { host: '/', login: 'guest', passcode: 'guest' };
  try {
    await untilConnects(child, port, 'host:/\nlogin:guest\npasscode:guest', directory);
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: 'RabbitMQ', port, ...login, patienceMs: foreignPatienceMs, stop };
}

function brokerOf(pidFile: string): number | null {
  try {
    return Number(readFileSync(pidFile, 'utf8'));
  } catch {
    return null;
  }
}
