import { encodeText } from '@lockstep/kernel';
import type { Refusal } from '../requests.ts';
import type { ByteWriter } from './byte-writer.ts';
import { commandType, commandVersion, refusalCodes } from './format.ts';
import type { StreamedType } from './format.ts';

/** A node's process asks for a proposal stream; its epoch is this command's position. `run`: drawn when the process began. */
export function writeOpenStream(out: ByteWriter, node: string, run: string): void {
  out.byte(commandVersion);
  out.byte(commandType.openStream);
  out.prefixed(encodeText(node));
  out.prefixed(encodeText(run));
}

/** What the command of that type has behind its version and type follows (`writeMessage`, `writeSettlementGroup`, for an end the number of parts first). */
export function writeStreamedHead(out: ByteWriter, epoch: number, number: number, inner: StreamedType): void {
  out.byte(commandVersion);
  out.byte(commandType.streamed);
  out.number(epoch);
  out.number(number);
  out.byte(inner);
}

/** Numbers of a stream that are over, and of which nothing happens. */
export interface RefusedNumbers {
  readonly epoch: number;
  readonly number: number;
  readonly through: number;
  /** Whose they are, and what the node had said with them: see `NodeMessage`. */
  readonly session: number;
  readonly over: number;
}

export function writeRefuse(out: ByteWriter, refused: RefusedNumbers, refusal: Refusal): void {
  const { epoch, number, through, session, over } = refused;
  out.byte(commandVersion);
  out.byte(commandType.refuse);
  out.number(epoch);
  out.number(number);
  out.number(through);
  out.number(session);
  out.number(over);
  out.byte(refusalCodes.indexOf(refusal.code));
  out.raw(encodeText(refusal.message));
}

/** The stream's node may hold messages of these queues from now on, or (`on` false) does so no longer. */
export function writeMark(out: ByteWriter, epoch: number, on: boolean, queues: readonly Uint8Array[]): void {
  out.byte(commandVersion);
  out.byte(commandType.mark);
  out.number(epoch);
  out.byte(on ? 1 : 0);
  for (const queue of queues) out.prefixed(queue);
}

/** What the stream's node holds may go to others. */
export function writeLapse(out: ByteWriter, epoch: number): void {
  out.byte(commandVersion);
  out.byte(commandType.lapse);
  out.number(epoch);
}
