import { commandType } from './format.ts';

/** Where the type of the command inside stands in a `streamed` one. */
export function innerTypeAt(command: Uint8Array): number {
  let at = 2;
  while (command[at++]! >= 0x80);
  while (command[at++]! >= 0x80);
  return at;
}

/** The command brings a message into the log: an `enqueue` or a part of a transaction, `streamed` or not. */
export function isMessage(command: Uint8Array): boolean {
  const outer = command[1]!;
  const type = outer === commandType.streamed ? command[innerTypeAt(command)]! : outer;
  return type === commandType.enqueue || type === commandType.transactionPart;
}
