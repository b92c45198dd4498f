import type { Command } from 'commander';

import type { ExportFlags } from './export.ts';
import type { ImportFlags } from './import.ts';
import type { RepairFlags } from './repair.ts';
import type { VerifyFlags } from './verify.ts';

/** What is done with the data of a node that does not run. */
export function addCareCommands(program: Command): void {
  program
    .command('verify')
    .description('check every file of a stopped node’s data directory; changes nothing')
    .argument('<data>', 'the data directory')
    .option('--json', 'for programs: one line of JSON')
    .addHelpText('after', '\nExit code 1: something is damaged. A write that a crash cut short is no damage.')
    .action(async (data: string, flags: VerifyFlags) => {
      const { verify } = await import('./verify.ts');
      await verify(data, flags);
    });
  program
    .command('export')
    .description('write all messages of a stopped node’s data directory into a file, as lines of JSON')
    .argument('<data>', 'the data directory')
    .argument('<file>', 'the file to make')
    .option('--partial', 'leave out what is damaged, instead of refusing')
    .option('--json', 'for programs: one line of JSON')
    .action(async (data: string, file: string, flags: ExportFlags) => {
      const { exportMessages } = await import('./export.ts');
      await exportMessages(data, file, flags);
    });
  program
    .command('import')
    .description('bring the messages of an export into the data directory of a broker of one: all or none')
    .argument('<data>', 'the data directory; made where it is not there')
    .argument('<file>', 'what `lockstep export` wrote')
    .option('--broker <id>', 'for a new directory: id of the logical broker (default: lockstep)')
    .option('--node <id>', 'for a new directory: id of the node (default: a)')
    .option('--json', 'for programs: one line of JSON')
    .action(async (data: string, file: string, flags: ImportFlags) => {
      const { importMessages } = await import('./import.ts');
      await importMessages(data, file, flags);
    });
  program
    .command('repair')
    .description('give up what is damaged in the data directory of a broker of one, so that it starts again')
    .argument('<data>', 'the data directory')
    .option('--yes', 'do it; without it, only say what would be lost')
    .option('--json', 'for programs: one line of JSON')
    .action(async (data: string, flags: RepairFlags) => {
      const { repair } = await import('./repair.ts');
      await repair(data, flags);
    });
}
