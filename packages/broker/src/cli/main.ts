import { Command, CommanderError, Option } from 'commander';

import { ConfigError } from '../config/config-error.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
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

function addStart(program: Command): void {
  program
    .command('start')
    .description('run one node of a broker in the foreground')
    .option('--config <file>', 'configuration file (YAML); flags and LOCKSTEP_… variables win over it')
    .option('--data <dir>', 'directory of the journal (default: ./data)')
    .option('--node <id>', 'id of this node (default: a)')
    .option('--broker <id>', 'id of the logical broker (default: lockstep)')
    .option('--stomp <[host:]port>', 'listen for STOMP clients, may be repeated (default: 127.0.0.1:61613)', gather)
    .option('--ws <[host:]port>', 'listen for STOMP over WebSocket (not in this version)', gather)
    .option('--admin <[host:]port>', 'admin API and status page (default: 127.0.0.1:8161, unless --stomp is given)')
    .option('--peer-listen <host:port>', 'listen for the other nodes (default: the address among --members)')
    .option('--members <list>', 'all nodes, this one included: a=HOST:PORT,b=HOST:PORT,c=HOST:PORT')
    .option('--secret-file <file>', 'the secret shared by all members; required beyond loopback')
    .option('--anonymous', 'let anybody log in on listeners beyond loopback')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--pretty', 'log for people instead of JSON lines')
    .addHelpText(
      'after',
      '\nWhen all ports are open the log has a line with "msg":"ready" and the addresses in "stomp", "admin" and "peers".' +
        '\nSIGTERM or SIGINT stops the node cleanly; a second one at once.',
    )
    .action(async (flags: StartFlags) => {
      const [{ start }, { startNode }] = await Promise.all([import('./start.ts'), import('./start-node.ts')]);
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
      checkConfig(file);
    });
  program
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(async () => {
      const { configJsonSchema } = await import('../config/json-schema.ts');
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
}

function makeProgram(): Command {
  const program = new Command('lockstep')
    .description('Lockstep, a STOMP message broker whose master and slaves hold the same messages')
    .version(programVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addOption(new Option('--no-color', 'plain output').hideHelp())
    .addHelpText('after', '\nExit codes: 0 fine, 1 failed, 2 wrong usage or configuration, 3 broker not reachable.')
    .showHelpAfterError('(`lockstep --help` lists the commands, `lockstep COMMAND --help` their options)')
    .exitOverride();
  addStart(program);
  addConfigCommands(program);
  // Settings are not inherited by commands that were added before; these are made explicit.
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

/** The whole program: `args` without `node` and the script. Sets the exit code, and never rejects. */
export async function run(args: readonly string[]): Promise<void> {
  try {
    await makeProgram().parseAsync(args, { from: 'user' });
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
