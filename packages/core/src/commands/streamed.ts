import { commandType, commandVersion } from './format.ts';

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

/** The type of the command inside; 0: this is no `streamed` command of that epoch and number. */
export function streamedType(command: Uint8Array, epoch: number, number: number): number {
  if (command[0] !== commandVersion || command[1] !== commandType.streamed) return 0;
  const epochEnd = matches(command, 2, epoch);
  const numberEnd = matches(command, epochEnd, number);
  return numberEnd === 0 ? 0 : (command[numberEnd] ?? 0);
}

/** Behind the number that begins at `from`, if it is that one; else 0. */
function matches(command: Uint8Array, from: number, number: number): number {
  if (from === 0) return 0;
  let rest = number;
  for (let at = from; at < command.length; at++) {
    const byte = command[at]!;
    const low = rest % 0x80;
    if (low !== (byte & 0x7f)) return 0;
    rest = (rest - low) / 0x80;
    if (byte < 0x80) return rest === 0 ? at + 1 : 0;
  }
  return 0;
}
