import { encodeText } from '@lockstep/kernel';
import type { NewMessage } from '../requests.ts';
import type { DuplicateLimits } from '../state/duplicate-ids.ts';
import { writeAttributes } from './attributes.ts';
import type { ByteWriter } from './byte-writer.ts';
import { commandType, commandVersion } from './format.ts';
import { outcomeCode } from './format.ts';
import type { OutcomeCode } from './format.ts';

/** A new master's first command: voids the parts that an earlier one left without an end. */
export function writeOpen(out: ByteWriter, wallMs: number, { idsMax, ageMs }: DuplicateLimits): void {
  out.byte(commandVersion);
  out.byte(commandType.open);
  out.number(wallMs);
  out.number(idsMax);
  out.number(ageMs);
}

/** Layout: version, type, envelope, time, attributes, destination, length of the header block, header block, body (the rest). */
export function writeEnqueue(
  out: ByteWriter,
  type: typeof commandType.enqueue | typeof commandType.transactionPart,
  destination: Uint8Array,
  timestampMs: number,
  message: NewMessage,
): void {
  out.byte(commandVersion);
  out.byte(type);
  writeMessage(out, destination, timestampMs, message);
}

/** What stands behind the type of an `enqueue` or a `transactionPart`. The message's attributes have no `ttlMs`. */
export function writeMessage(out: ByteWriter, destination: Uint8Array, timestampMs: number, message: NewMessage): void {
  out.byte(message.envelope);
  out.number(timestampMs);
  writeAttributes(out, message.attributes);
  out.prefixed(destination);
  out.prefixed(message.headerBlock);
  out.raw(message.body);
}

export function writeSettleHead(out: ByteWriter): void {
  out.byte(commandVersion);
  out.byte(commandType.settle);
}

/**
 * One queue, one outcome, and the positions `from` to `to` (exclusive) of the list: as runs of consecutive ones, each told by its
 * distance from the last. Any order, best a rising one. Without positions nothing is written.
 */
export function writeSettlementGroup(
  out: ByteWriter,
  queue: Uint8Array,
  outcome: Exclude<OutcomeCode, (typeof outcomeCode)['dead-letter']>,
  positions: readonly number[],
  from: number,
  to: number,
): void {
  if (from === to) return;
  out.prefixed(queue);
  out.byte(outcome);
  writeRuns(out, positions, from, to);
}

/** As `writeSettlementGroup`, of all these positions: they go to the queue `to`. */
export function writeDeadLetters(
  out: ByteWriter,
  queue: Uint8Array,
  to: Uint8Array,
  reason: string,
  positions: readonly number[],
): void {
  if (positions.length === 0) return;
  out.prefixed(queue);
  out.byte(outcomeCode['dead-letter']);
  out.prefixed(to);
  out.prefixed(encodeText(reason));
  writeRuns(out, positions, 0, positions.length);
}

function writeRuns(out: ByteWriter, positions: readonly number[], from: number, to: number): void {
  let runs = 1;
  for (let i = from + 1; i < to; i++) if (positions[i] !== positions[i - 1]! + 1) runs++;
  out.number(runs);
  let previous = 0;
  for (let i = from; i < to;) {
    const first = positions[i]!;
    let next = i + 1;
    while (next < to && positions[next] === first + (next - i)) next++;
    out.signed(first - previous);
    out.number(next - i - 1);
    previous = first + (next - i) - 1;
    i = next;
  }
}

/** What an imported message had been through. */
export interface ImportedPast {
  /** Which of the parts, from 0. */
  readonly part: number;
  readonly count: number;
  readonly deadLetter: { readonly reason: string; readonly originalDestination: string } | null;
}

/** Ends an import: the `parts` before it become messages, those named in `pasts` (by rising part) with what they had been through. All or nothing. */
export function writeImportEnd(out: ByteWriter, parts: number, pasts: Iterable<ImportedPast>): void {
  out.byte(commandVersion);
  out.byte(commandType.importEnd);
  out.number(parts);
  let next = 0;
  for (const { part, count, deadLetter } of pasts) {
    out.number(part - next);
    next = part + 1;
    out.number(count);
    out.byte(deadLetter === null ? 0 : 1);
    if (deadLetter === null) continue;
    out.prefixed(encodeText(deadLetter.reason));
    out.prefixed(encodeText(deadLetter.originalDestination));
  }
}
