import { stdin, stderr, stdout } from 'node:process';

import { hashPassword } from '../ports/scrypt-hasher.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

/** Prints the hash, and to people what to do with it. @throws CommandError when there is no password. */
export async function passwd(user: string, given: string | undefined): Promise<void> {
  const password = given ?? (stdin.isTTY ? await askTwice() : await readLine());
  if (password === '') throw new CommandError(exitCodes.usage, 'the password is empty');
  const hash = await hashPassword(password);
  stdout.write(`${hash}\n`);
  if (stderr.isTTY) stderr.write(`for the configuration: users: [{ name: ${user}, password: '${hash}' }]\n`);
}

async function askTwice(): Promise<string> {
  const first = await ask('password: ');
  if ((await ask('again: ')) !== first) throw new CommandError(exitCodes.usage, 'the two are not the same');
  return first;
}

/** What is typed is not shown. */
function ask(question: string): Promise<string> {
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let typed = '';
    const done = (): void => {
      stdin.off('data', take).setRawMode(false).pause();
      stderr.write('\n');
    };
    const take = (text: string): void => {
      for (const character of text) {
        if (character === '\r' || character === '\n') {
          done();
          return resolve(typed);
        }
        if (character === '\u0003' || character === '\u0004') {
          done();
          return reject(new CommandError(exitCodes.failed, 'broken off'));
        }
        typed = character === '\u007f' || character === '\b' ? typed.slice(0, -1) : typed + character;
      }
    };
    stdin.on('data', take).resume();
  });
}

/** The first line of standard input. */
async function readLine(): Promise<string> {
  let text = '';
  for await (const chunk of stdin.setEncoding('utf8')) text += String(chunk);
  return text.split(/\r?\n/)[0] ?? '';
}
