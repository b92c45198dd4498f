import type { Command } from 'commander';

import type { ChangeFlags } from './members.ts';
import type { RecoverFlags } from './recover.ts';
import type { StatusFlags } from './status.ts';

const ADMIN = ['--admin <url>', 'admin port of any node (LOCKSTEP_ADMIN_URL; default: http://127.0.0.1:8161)'] as const;

/** Who belongs to a broker, and which of them is its master. */
export function addMemberCommands(program: Command): void {
  const members = program
    .command('members')
    .description('show the members of a broker, or change who they are')
    .option(...ADMIN)
    .option('--json', 'for programs: one line of JSON')
    .option('--watch', 'again every second')
    .action(async (flags: StatusFlags) => (await import('./members.ts')).members(flags));
  const change = (name: string, argument: string, about: string, text: string): Command =>
    members.command(name).description(text).argument(argument, about);
  change(
    'add',
    '<id=host:port>',
    'its id, and where the others reach it',
    'make a node a member, or say where it has moved to',
  )
    .option('--witness', 'it votes, but keeps no messages')
    .action(async (member: string, _flags: ChangeFlags, command: Command) =>
      (await import('./members.ts')).addMember(member, command.optsWithGlobals<ChangeFlags>()),
    );
  change('remove', '<id>', 'which one', 'a member leaves; the master too').action(
    async (id: string, _flags: ChangeFlags, command: Command) =>
      (await import('./members.ts')).removeMember(id, command.optsWithGlobals<ChangeFlags>()),
  );
  change('promote', '<id>', 'which one', 'a learner votes once it has caught up').action(
    async (id: string, _flags: ChangeFlags, command: Command) =>
      (await import('./members.ts')).promoteMember(id, command.optsWithGlobals<ChangeFlags>()),
  );
  program
    .command('transfer')
    .description('hand mastership to another node')
    .argument('[node]', 'its id (default: the one that is furthest)')
    .option(...ADMIN)
    .action(async (to: string | undefined, flags: ChangeFlags) => (await import('./members.ts')).transfer(to, flags));
  program
    .command('recover')
    .description('a majority of the members is gone for good: make the data of a stopped node a broker of one')
    .argument('<data>', 'the data directory')
    .option('--sole-member', 'what it becomes')
    .option('--yes', 'do it; without it, only say what it means')
    .action(async (data: string, flags: RecoverFlags) => (await import('./recover.ts')).recover(data, flags));
}
