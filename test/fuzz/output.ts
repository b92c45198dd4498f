import { FrameParser } from '@lockstep/stomp-server/codec';
import type { Frame, StompVersion } from '@lockstep/stomp-server/codec';

/** What a client got. */
export interface Output {
  readonly version: StompVersion;
  /** The ERROR's message, if there is one. */
  readonly error: string | null;
  readonly receipts: readonly string[];
  readonly messages: number;
}

const ALWAYS: Readonly<Record<string, readonly string[]>> = {
  CONNECTED: ['version', 'session', 'server', 'heart-beat'],
  MESSAGE: ['destination', 'message-id', 'subscription'],
  RECEIPT: ['receipt-id'],
  ERROR: ['message', 'content-type', 'content-length'],
};

/** Reads all that the server wrote. Throws when that is not what STOMP lets a server write. */
export function readOutput(chunks: readonly Uint8Array[]): Output {
  const parser = new FrameParser({ headerBytesMax: 1e6, headersMax: 1000, bodyBytesMax: 1e7 });
  let version: StompVersion = '1.0';
  let error: string | null = null;
  const receipts: string[] = [];
  let frames = 0;
  let messages = 0;
  parser.feed(Buffer.concat(chunks));
  for (let frame = parser.next(); frame !== null; frame = parser.next()) {
    if (error !== null) throw new Error(`a ${frame.command} behind the ERROR`);
    checkFrame(frame, frames === 0);
    frames++;
    if (frame.command === 'CONNECTED') {
      version = frame.header('version') as StompVersion;
      parser.version = version;
    } else if (frame.command === 'MESSAGE') messages++;
    else if (frame.command === 'RECEIPT') receipts.push(frame.header('receipt-id') ?? '');
    else error = frame.header('message') ?? '';
  }
  if (parser.midFrame) throw new Error('the output ends inside a frame');
  return { version, error, receipts, messages };
}

function checkFrame(frame: Frame, isFirst: boolean): void {
  const { command } = frame;
  const headers = ALWAYS[command];
  if (headers === undefined) throw new Error(`a server sends no ${command}`);
  if ((command === 'CONNECTED') !== isFirst && command !== 'ERROR') throw new Error(`${command} in the wrong place`);
  for (const name of headers) {
    if (frame.header(name) === undefined) throw new Error(`${command} without ${name}`);
  }
  if (command === 'ERROR' && Buffer.byteLength(frame.header('message') ?? '') > 200) throw new Error('a long message');
  if (command === 'ERROR' && frame.bodyLength > 4096) throw new Error('a long ERROR');
  if (command !== 'ERROR' && command !== 'MESSAGE' && frame.bodyLength > 0) throw new Error(`a body in ${command}`);
}
