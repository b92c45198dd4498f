import { readFileSync } from 'node:fs';

import { clientFailure, connectClient, parseCount, parseHeaders } from './client.ts';
import type { LoginFlags } from './client.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

/** SENDs whose receipt is still awaited. */
const UNDER_WAY_MAX = 256;

export interface SendFlags extends LoginFlags {
  readonly header: readonly string[];
  readonly count?: string;
  readonly file?: string;
}

function bodies(texts: readonly string[], file: string | undefined): readonly Buffer[] {
  if (file === undefined) return texts.length === 0 ? [Buffer.alloc(0)] : texts.map((text) => Buffer.from(text));
  if (texts.length > 0) throw new CommandError(exitCodes.usage, '--file: give either a file or bodies, not both');
  try {
    // 0 is standard input.
    return [readFileSync(file === '-' ? 0 : file)];
  } catch (error) {
    throw new CommandError(exitCodes.usage, `--file: ${(error as Error).message}`, error);
  }
}

/** Sends each body `count` times, and ends when the broker has given a receipt for each. */
export async function send(
  uri: string,
  destination: string,
  texts: readonly string[],
  flags: SendFlags,
): Promise<void> {
  const count = parseCount(flags.count, 1);
  const headers = parseHeaders(flags.header);
  const messages = bodies(texts, flags.file);
  const client = await connectClient({ uri, login: flags, patient: false });
  let acknowledged = 0;
  try {
    const underWay = new Set<Promise<void>>();
    for (let round = 0; round < count; round += 1) {
      for (const body of messages) {
        const sent: Promise<void> = client.send(destination, body, { headers }).then(() => {
          acknowledged += 1;
          underWay.delete(sent);
        });
        underWay.add(sent);
        if (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
      }
    }
    await Promise.all(underWay);
  } catch (error) {
    const failure = clientFailure(error, uri);
    const total = count * messages.length;
    const said = total === 1 ? '' : ` (${acknowledged} of ${total} messages were acknowledged)`;
    throw new CommandError(failure.exitCode, `${failure.message}${said}`, error);
  } finally {
    await client.disconnect();
  }
  console.log(
    `${acknowledged} ${acknowledged === 1 ? 'message' : 'messages'} sent to ${destination}, acknowledged by the broker`,
  );
}
