import { matchesAscii } from './bytes.ts';

/** Every command of STOMP 1.0 to 1.2, the client's and the server's. */
export type Command = ClientCommand | ServerCommand;

export type ClientCommand =
  | 'CONNECT'
  | 'STOMP'
  | 'SEND'
  | 'SUBSCRIBE'
  | 'UNSUBSCRIBE'
  | 'ACK'
  | 'NACK'
  | 'BEGIN'
  | 'COMMIT'
  | 'ABORT'
  | 'DISCONNECT';

export type ServerCommand = 'CONNECTED' | 'MESSAGE' | 'RECEIPT' | 'ERROR';

/** Bytes of a first line that are looked at before it is given up as no command. */
export const COMMAND_BYTES_MAX = 24;

const byLength: Command[][] = Array.from({ length: COMMAND_BYTES_MAX + 1 }, () => []);
for (const command of [
  ...(['SEND', 'NACK', 'ACK', 'MESSAGE', 'RECEIPT', 'CONNECT', 'SUBSCRIBE', 'CONNECTED', 'UNSUBSCRIBE'] as const),
  ...(['BEGIN', 'ABORT', 'STOMP', 'ERROR', 'COMMIT', 'DISCONNECT'] as const),
]) {
  byLength[command.length]!.push(command);
}

/** The interned command in `[start, end)`, of at most COMMAND_BYTES_MAX bytes; null when it is none. Case counts (STOMP 1.2, STOMP Frames). */
export function findCommand(bytes: Uint8Array, start: number, end: number): Command | null {
  for (const command of byLength[end - start]!) if (matchesAscii(bytes, start, command)) return command;
  return null;
}

/** STOMP 1.2, Body: only these may have one. */
export function mayHaveBody(command: Command): boolean {
  return command === 'SEND' || command === 'MESSAGE' || command === 'ERROR';
}

/** Frames whose headers are never escaped, in any version (STOMP 1.2, Value Encoding; STOMP is handled as CONNECT). */
export function isConnecting(command: Command): boolean {
  return command === 'CONNECT' || command === 'CONNECTED' || command === 'STOMP';
}
