import { encodeText } from '@lockstep/kernel';
import { ByteWriter } from '../commands/byte-writer.ts';
import type { Queue } from '../state/queue.ts';
import type { Opening, ReplicatedState } from '../state/replicated-state.ts';
import type { StoredMessage } from '../state/stored-message.ts';
import type { Policy } from '../commands/format.ts';
import { recordType, snapshotVersion } from './format.ts';

const chunkBytesMax = 1024 * 1024;
const chunkBytesWanted = 256 * 1024;

interface CapturedQueue {
  readonly name: string;
  readonly messages: readonly StoredMessage[];
  readonly counts: Uint16Array;
}

interface Captured {
  readonly applied: number;
  readonly opening: Opening;
  readonly policy: Policy;
  readonly parts: readonly StoredMessage[];
  readonly queues: readonly CapturedQueue[];
}

/**
 * The state as it is at the call, in chunks of at most 1 MiB, made as they are asked for. Equal states give equal bytes. Holds on to
 * the messages of that moment until it is read or dropped.
 */
export function writeSnapshot(state: ReplicatedState): Iterable<Uint8Array> {
  return chunksOf(capture(state));
}

function capture(state: ReplicatedState): Captured {
  const live = [...state.queues.values()].filter((queue) => queue.list.length > 0);
  live.sort((a, b) => (a.name < b.name ? -1 : 1));
  const { applied, opening, policy, parts } = state;
  return { applied, opening, policy, parts: parts.slice(), queues: live.map(captureQueue) };
}

/** Messages never change, so it is enough to note which there are. */
function captureQueue({ name, list }: Queue): CapturedQueue {
  const messages: StoredMessage[] = [];
  const counts = new Uint16Array(list.length);
  for (const chunk of list.chunks) {
    for (let slot = 0; slot < chunk.used; slot++) {
      const message = chunk.messages[slot]!;
      if (message === null) continue;
      counts[messages.length] = chunk.counts[slot]!;
      messages.push(message);
    }
  }
  return { name, messages, counts };
}

function* chunksOf(captured: Captured): Iterable<Uint8Array> {
  const chunk = new ByteWriter(chunkBytesWanted * 2);
  for (const record of recordsOf(captured)) {
    chunk.prefixed(record);
    if (chunk.length < chunkBytesWanted) continue;
    for (let from = 0; from < chunk.length; from += chunkBytesMax) {
      yield chunk.view(from, Math.min(chunk.length, from + chunkBytesMax)).slice();
    }
    chunk.clear();
  }
  if (chunk.length > 0) yield chunk.view(0, chunk.length).slice();
}

/** Each record is a view, good until the next one is asked for. */
function* recordsOf({ applied, opening, policy, parts, queues }: Captured): Iterable<Uint8Array> {
  const record = new ByteWriter(chunkBytesWanted);
  record.byte(recordType.head);
  record.number(snapshotVersion);
  record.number(applied);
  record.number(opening.position);
  record.number(opening.wallMs);
  record.number(policy.maxDeliveries);
  record.prefixed(encodeText(policy.deadLetterQueue));
  yield record.view(0, record.length);
  for (const part of parts) {
    record.clear();
    record.byte(recordType.part);
    record.prefixed(encodeText(part.destination));
    writeMessage(record, part, 0);
    yield record.view(0, record.length);
  }
  let messageCount = 0;
  for (const { name, messages, counts } of queues) {
    record.clear();
    record.byte(recordType.queue);
    record.prefixed(encodeText(name));
    yield record.view(0, record.length);
    for (const [index, message] of messages.entries()) {
      record.clear();
      record.byte(recordType.message);
      writeMessage(record, message, counts[index]!);
      yield record.view(0, record.length);
    }
    messageCount += messages.length;
  }
  record.clear();
  record.byte(recordType.end);
  record.number(messageCount);
  yield record.view(0, record.length);
}

function writeMessage(out: ByteWriter, message: StoredMessage, count: number): void {
  out.number(message.position);
  out.number(count);
  out.byte(message.envelope);
  out.number(message.timestampMs);
  const { deadLetter } = message;
  out.byte(deadLetter === null ? 0 : 1);
  if (deadLetter !== null) {
    out.prefixed(encodeText(deadLetter.reason));
    out.prefixed(encodeText(deadLetter.originalDestination));
  }
  out.number(message.headerLength);
  out.raw(message.content);
}
