import { Command, CommanderError } from 'commander';

import { ConfigError } from '../config/config-error.ts';
import { addCareCommands } from './care/commands.ts';
import type { ClusterFlags } from './cluster.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { addMemberCommands } from './member-commands.ts';
import type { ExplainFlags } from './explain.ts';
import type { ReceiveFlags } from './receive.ts';
import type { SendFlags } from './send.ts';
import type { StartNode } from './start-node.ts';
import type { StatusFlags } from './status.ts';
import { programVersion } from './version.ts';

interface StartFlags {
  readonly config?: string;
  readonly stomp?: string[];
  readonly ws?: string[];
  readonly anonymous?: boolean;
  readonly pretty?: boolean;
  readonly [name: string]: unknown;
}

function gather(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function addStart(program: Command, given: StartNode | null): void {
  program
    .command('start')
    .description('run one node of a broker in the foreground')
    .option('--config <file>', 'configuration file (YAML); flags and LOCKSTEP_… variables win over it')
    .option('--data <dir>', 'directory of the journal (default: ./data)')
    .option('--node <id>', 'id of this node (default: a)')
    .option('--broker <id>', 'id of the logical broker (default: lockstep)')
    .option('--stomp <[host:]port>', 'listen for STOMP clients, may be repeated (default: 127.0.0.1:61613)', gather)
    .option('--ws <[host:]port>', 'listen for STOMP over WebSocket, may be repeated (default: 127.0.0.1:61614)', gather)
    .option(
      '--admin <[host:]port>',
      'admin API and status page (default: 127.0.0.1:8161, unless --stomp or --ws is given)',
    )
    .option('--peer-listen <host:port>', 'listen for the other nodes (default: the address among --members)')
    .option(
      '--members <list>',
      'who founds the broker, this node included: a=HOST:PORT,b=HOST:PORT,c=HOST:PORT; to join one: this node and a member',
    )
    .option('--witness', 'a member that votes but keeps no messages')
    .option('--secret-file <file>', 'the secret shared by all members; required beyond loopback')
    .option('--anonymous', 'let anybody log in on listeners beyond loopback')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--pretty', 'log for people instead of JSON lines')
    .addHelpText(
      'after',
      '\nWhen all ports are open the log has a line with "msg":"ready" and the addresses in "stomp", "ws", "admin" and "peers".' +
        '\nSIGHUP reads users, permissions, certificates, destinations and log level anew from the configuration file.' +
        '\nSIGTERM or SIGINT stops the node cleanly; a second one at once.',
    )
    .action(async (flags: StartFlags) => {
      const { start } = await import('./start.ts');
      const startNode = given ?? (await import('./start-node.ts')).startNode;
      const environment = process.env;
      await start({
        config: flags.config ?? environment['LOCKSTEP_CONFIG'],
        flags: flagTexts(flags),
        anonymous: flags.anonymous ?? environment['LOCKSTEP_ANONYMOUS'] === 'true',
        environment,
        startNode,
      });
    });
}

/** As the configuration takes them: by their names on the command line, as text. */
function flagTexts(flags: StartFlags): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(flags)) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (typeof value === 'string') texts[flag] = value;
    else if (Array.isArray(value)) texts[flag] = value.join(',');
    else if (value === true) texts[flag] = 'true';
  }
  return texts;
}

function addConfigCommands(program: Command): void {
  program
    .command('check-config <file>')
    .description('say whether a configuration file is right, and if not, where and why')
    .action(async (file: string) => {
      const { checkConfig } = await import('./check-config.ts');
      await checkConfig(file);
    });
  program
    .command('passwd <user>')
    .description('print the hash of a password, to put into the configuration')
    .option('--password <password>', 'instead of asking for it, or reading it from standard input')
    .action(async (user: string, flags: { readonly password?: string }) => {
      const { passwd } = await import('./passwd.ts');
      await passwd(user, flags.password);
    });
  program
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(async () => {
      const { configJsonSchema } = await import('../config/json-schema.ts');
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
}

function withLogin(command: Command): Command {
  return command
    .option('--login <name>', 'user, where the URI names none (LOCKSTEP_LOGIN)')
    .option('--passcode-file <file>', 'file with the passcode (LOCKSTEP_PASSCODE holds it itself)')
    .option(
      '--ca <file>',
      'authorities that may have signed the certificate of the broker, PEM (default: those of Node.js)',
    );
}

function addClientCommands(program: Command): void {
  const send = program
    .command('send')
    .description('send messages, and wait until the broker has acknowledged them')
    .argument('<uri>', 'tcp://HOST:PORT (or ssl://, ws://, wss://), or failover:(tcp://…,tcp://…)')
    .argument('<destination>', '/queue/NAME or /topic/NAME')
    .argument('[body...]', 'one message each; without any, one that is empty')
    .option('--header <name:value>', 'a header of each message, may be repeated', gather, [])
    .option('--count <n>', 'how often (default: 1)')
    .option('--file <file>', 'the body is what this file holds; - is standard input')
    .action(async (uri: string, destination: string, bodies: string[], flags: SendFlags) => {
      const commands = await import('./send.ts');
      await commands.send(uri, destination, bodies, flags);
    });
  const receive = program
    .command('receive')
    .description('receive messages and print their bodies, each with a line end')
    .argument('<uri>', 'tcp://HOST:PORT (or ssl://, ws://, wss://), or failover:(tcp://…,tcp://…)')
    .argument('<destination>', '/queue/NAME or /topic/NAME')
    .option('--count <n>', 'end after so many (default: 1, with --follow: never)')
    .option('--follow', 'go on until it is stopped, through fail-overs')
    .option(
      '--ack <mode>',
      'auto, client or client-individual; each message is acknowledged once it is printed',
      'client',
    )
    .option('--header <name:value>', 'a header of the SUBSCRIBE, may be repeated', gather, [])
    .action(async (uri: string, destination: string, flags: ReceiveFlags) => {
      const commands = await import('./receive.ts');
      await commands.receive(uri, destination, flags);
    });
  for (const command of [send, receive]) withLogin(command);
}

function addClusterCommands(program: Command): void {
  program
    .command('cluster')
    .description('run a whole logical broker on this machine, to try out and to test')
    .option('--nodes <n>', 'how many', '3')
    .option(
      '--base-port <port>',
      'node i: STOMP at base+10i, WebSocket at base+1+10i, peers at base+6+10i, admin at 8161+i, or base+7+10i with another base (default: 61613)',
    )
    .option('--data <dir>', 'where the nodes keep their data and logs, from run to run', '.lockstep/cluster')
    .option('--fresh', 'throw away what earlier runs have left there')
    .addHelpText(
      'after',
      '\nPrints `ready failover:(…)` once a master serves. In a terminal the keys k, p, r, s and q kill or pause the' +
        '\nmaster, revive what is down, send a few messages, and quit.',
    )
    .action(async (flags: ClusterFlags) => {
      const commands = await import('./cluster.ts');
      await commands.cluster(flags);
    });
  program
    .command('status')
    .description('show the nodes of a broker, as one of them sees them')
    .option('--admin <url>', 'admin port of a node (LOCKSTEP_ADMIN_URL; default: http://127.0.0.1:8161)')
    .option('--json', 'for programs: one line of JSON')
    .option('--watch', 'again every second')
    .action(async (flags: StatusFlags) => {
      const commands = await import('./status.ts');
      await commands.status(flags);
    });
  program
    .command('explain')
    .description('say why nothing moves: at a destination, or with one message')
    .argument('<destination|message-id>', '/queue/NAME, /topic/NAME, NAME (a queue), or the message-id of a MESSAGE')
    .option('--admin <url>', 'admin port of any node (LOCKSTEP_ADMIN_URL; default: http://127.0.0.1:8161)')
    .option('--json', 'for programs: one line of JSON')
    .action(async (subject: string, flags: ExplainFlags) => {
      const commands = await import('./explain.ts');
      await commands.explain(subject, flags);
    });
}

function makeProgram(startNode: StartNode | null): Command {
  const program = new Command('lockstep')
    .description('Lockstep, a STOMP message broker whose master and slaves hold the same messages')
    .version(programVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', '\nExit codes: 0 fine, 1 failed, 2 wrong usage or configuration, 3 broker not reachable.')
    .showHelpAfterError('(`lockstep --help` lists the commands, `lockstep COMMAND --help` their options)')
    .exitOverride();
  addStart(program, startNode);
  addClusterCommands(program);
  addClientCommands(program);
  addMemberCommands(program);
  addCareCommands(program);
  addConfigCommands(program);
  // Settings are not inherited by commands that were added before; these are made explicit.
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    for (const inner of command.commands) inner.copyInheritedSettings(program);
  }
  return program;
}

/**
 * The whole program: `args` without `node` and the script. Sets the exit code, and never rejects. `startNode` starts another kind of
 * node than the real one.
 */
export async function run(args: readonly string[], startNode: StartNode | null = null): Promise<void> {
  try {
    await makeProgram(startNode).parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
    // What a failed command has left open must not keep it alive.
    if (process.exitCode !== exitCodes.fine) process.exit();
  }
}

function report(error: unknown): number {
  // commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
  if (error instanceof ConfigError) {
    console.error(error.message);
    return exitCodes.usage;
  }
  if (error instanceof CommandError) {
    console.error(`lockstep: ${error.message}`);
    return error.exitCode;
  }
  console.error('lockstep: this is a bug, please report it:', error);
  return exitCodes.failed;
}
