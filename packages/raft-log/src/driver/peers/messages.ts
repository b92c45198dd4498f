import { Packr } from 'msgpackr';
import type { NodeId } from '@lockstep/kernel';
import type { RaftMessage } from '../../node/types.ts';
import { Fields } from './fields.ts';
import { writeFrameHeader } from './frames.ts';
import { decodeRaft, encodeRaft, isRaftMessage } from './raft-messages.ts';
import type { RecordParser } from './raft-messages.ts';

/** How a member stands, told to the others whenever it changes. */
export interface Announce {
  readonly type: 'announce';
  readonly state: 'blank' | 'founding' | 'founded';
  readonly clusterId: string | null;
  /** The configuration in use, encoded: for a node that joins, so that it knows whom to talk to. Null: none, or not told. */
  readonly configuration: Uint8Array | null;
}
/** The founder asks for `founding` under this cluster id to be put on disk. */
export interface Prepare {
  readonly type: 'prepare';
  readonly clusterId: string;
  readonly witnesses: readonly NodeId[];
}
/** It is on disk. */
export interface Prepared {
  readonly type: 'prepared';
  readonly clusterId: string;
}
/** A snapshot of `bytes` bytes is to be had from the leader of `term`. */
export interface SnapshotOffer {
  readonly type: 'snapshotOffer';
  readonly term: number;
  readonly index: number;
  readonly snapshotTerm: number;
  readonly bytes: number;
}
/** Send the piece of that snapshot's file from `offset` on. */
export interface SnapshotWant {
  readonly type: 'snapshotWant';
  readonly index: number;
  readonly offset: number;
}
export interface SnapshotPiece {
  readonly type: 'snapshotPiece';
  readonly index: number;
  readonly offset: number;
  /** Empty: that was all. */
  readonly bytes: Uint8Array;
}
/** The receiver has that snapshot's file, and is at work on it: it fetches records, or installs. */
export interface SnapshotWorking {
  readonly type: 'snapshotWorking';
  readonly index: number;
}
/** The transfer is over. `installed` false: it was damaged. */
export interface SnapshotDone {
  readonly type: 'snapshotDone';
  readonly index: number;
  readonly installed: boolean;
}
/**
 * Send the records at the positions `from` … `to` (`to` not included) that your state refers to: about `bytesMax` of them, at least
 * one. Anybody who holds records is asked, not only the leader.
 */
export interface RecordsWant {
  readonly type: 'recordsWant';
  /** The asker's own number for it, comes back with the answer. */
  readonly request: number;
  readonly from: number;
  readonly to: number;
  readonly bytesMax: number;
}
/**
 * What was found at the positions `from` … `next` (`next` not included). A record that is neither in `bytes` nor `lacking` is dead once the entry
 * `appliedIndex` has been applied. `next` = `from`: the sender has not applied enough yet to say anything.
 */
export interface Records {
  readonly type: 'records';
  readonly request: number;
  readonly from: number;
  readonly next: number;
  readonly appliedIndex: number;
  /** Live, but the sender has no intact copy of them either; of a witness, which knows of no life, all that it has not. Ascending. */
  readonly lacking: readonly number[];
  /** Committed records as they stand in the journal, ascending. The sender has checked each of them. */
  readonly bytes: Uint8Array;
  /** crc32 of `bytes`: checked once for all, which is much cheaper than once for each. */
  readonly checksum: number;
  /** Not part of what goes out: `bytes` has gone out, and may be changed. Perhaps never called. */
  readonly taken?: () => void;
}
/** A question to a member about the cluster, or something that it shall do as its leader; `body` is the asker's matter. */
export interface Ask {
  readonly type: 'ask';
  /** The asker's own number for it, comes back with the answer. */
  readonly request: number;
  readonly body: Uint8Array;
}
export interface Answer {
  readonly type: 'answer';
  readonly request: number;
  readonly body: Uint8Array;
}
/** Says only that the sender is there. */
export interface Alive {
  readonly type: 'alive';
}

export type MemberMessage = Announce | Prepare | Prepared;
export type SnapshotMessage = SnapshotOffer | SnapshotWant | SnapshotPiece | SnapshotWorking | SnapshotDone;
export type RecordsMessage = RecordsWant | Records;
export type RequestMessage = Ask | Answer;
/** What means something beyond the transport. */
export type HeededMessage = RaftMessage | MemberMessage | SnapshotMessage | RecordsMessage | RequestMessage;
export type PeerMessage = HeededMessage | Alive;

export function isMemberMessage(message: HeededMessage): message is MemberMessage {
  return message.type === 'announce' || message.type === 'prepare' || message.type === 'prepared';
}

export function isSnapshotMessage(message: HeededMessage): message is SnapshotMessage {
  return message.type.startsWith('snapshot');
}

export function isRecordsMessage(message: HeededMessage): message is RecordsMessage {
  return message.type === 'recordsWant' || message.type === 'records';
}

export function isRequestMessage(message: HeededMessage): message is RequestMessage {
  return message.type === 'ask' || message.type === 'answer';
}

/** Numbers on the wire; 0 … 19 are Raft's, in `raft-messages.ts`. */
const tag = {
  alive: 20,
  announce: 21,
  prepare: 22,
  prepared: 23,
  snapshotOffer: 24,
  snapshotWant: 25,
  snapshotPiece: 26,
  snapshotDone: 27,
  recordsWant: 28,
  records: 29,
  snapshotWorking: 30,
  ask: 31,
  answer: 32,
} as const;

const nothing: Uint8Array = new Uint8Array(0);
const packr: Packr = new Packr({ useRecords: false });

/** Pieces smaller than this are copied together; larger ones go out as they are. */
const copyBelowBytes = 16 * 1024;

/**
 * The frame for a message: its length, the envelope's length (2 bytes), the envelope (msgpackr), and bytes that are passed
 * through as they are. The chunks share memory with the message.
 */
export function encodeMessage(message: PeerMessage): readonly Uint8Array[] {
  const { envelope, raw } = envelopeOf(message);
  const packed = packr.pack(envelope);
  let rawBytes = 0;
  for (const piece of raw) rawBytes += piece.length;
  const head = new Uint8Array(4 + 2 + packed.length);
  writeFrameHeader(head, 2 + packed.length + rawBytes);
  head[4] = packed.length >> 8;
  head[5] = packed.length & 0xff;
  head.set(packed, 6);
  return gather(head, raw);
}

function gather(head: Uint8Array, raw: readonly Uint8Array[]): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let run: Uint8Array[] = [head];
  let runBytes = head.length;
  const closeRun = (): void => {
    if (run.length === 1 && run[0] !== undefined) chunks.push(run[0]);
    else if (run.length > 1) chunks.push(joined(run, runBytes));
    run = [];
    runBytes = 0;
  };
  for (const piece of raw) {
    if (piece.length < copyBelowBytes) {
      run.push(piece);
      runBytes += piece.length;
    } else {
      closeRun();
      chunks.push(piece);
    }
  }
  closeRun();
  return chunks;
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

interface Enveloped {
  readonly envelope: readonly unknown[];
  readonly raw: readonly Uint8Array[];
}

function envelopeOf(message: PeerMessage): Enveloped {
  if (isRaftMessage(message)) return encodeRaft(message);
  switch (message.type) {
    case 'alive':
      return { envelope: [tag.alive], raw: [] };
    case 'announce':
      return { envelope: [tag.announce, message.state, message.clusterId, message.configuration], raw: [] };
    case 'prepare':
      return { envelope: [tag.prepare, message.clusterId, message.witnesses], raw: [] };
    case 'prepared':
      return { envelope: [tag.prepared, message.clusterId], raw: [] };
    case 'snapshotOffer':
      return {
        envelope: [tag.snapshotOffer, message.term, message.index, message.snapshotTerm, message.bytes],
        raw: [],
      };
    case 'snapshotWant':
      return { envelope: [tag.snapshotWant, message.index, message.offset], raw: [] };
    case 'snapshotPiece':
      return { envelope: [tag.snapshotPiece, message.index, message.offset], raw: [message.bytes] };
    case 'snapshotWorking':
      return { envelope: [tag.snapshotWorking, message.index], raw: [] };
    case 'snapshotDone':
      return { envelope: [tag.snapshotDone, message.index, message.installed], raw: [] };
    case 'recordsWant':
      return { envelope: [tag.recordsWant, message.request, message.from, message.to, message.bytesMax], raw: [] };
    case 'ask':
      return { envelope: [tag.ask, message.request], raw: [message.body] };
    case 'answer':
      return { envelope: [tag.answer, message.request], raw: [message.body] };
    case 'records': {
      const { request, from, next, appliedIndex, lacking, checksum } = message;
      return { envelope: [tag.records, request, from, next, appliedIndex, lacking, checksum], raw: [message.bytes] };
    }
  }
}

/** Null when the bytes are not a message: then nothing more may be believed of that connection. */
export function decodeMessage(
  body: Uint8Array,
  from: NodeId,
  to: NodeId,
  parseRecords: RecordParser,
): PeerMessage | null {
  if (body.length < 2) return null;
  const end = 2 + ((body[0] ?? 0) << 8) + (body[1] ?? 0);
  if (end > body.length) return null;
  const envelope = unpack(body.subarray(2, end));
  if (envelope === null) return null;
  const raw = end === body.length ? nothing : body.subarray(end);
  const type = envelope[0];
  if (typeof type !== 'number') return null;
  if (type < tag.alive) return decodeRaft(envelope, raw, from, to, parseRecords);
  return decodeOther(type, new Fields(envelope), raw);
}

function unpack(bytes: Uint8Array): readonly unknown[] | null {
  try {
    const value: unknown = packr.unpack(bytes);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function decodeOther(type: number, fields: Fields, raw: Uint8Array): PeerMessage | null {
  const message = readOther(type, fields, raw);
  if (message === null || !fields.ok) return null;
  return raw.length === 0 || bearsRaw.has(message.type) ? message : null;
}

const bearsRaw: ReadonlySet<string> = new Set(['snapshotPiece', 'records', 'ask', 'answer']);

const sinceLevelTwo: ReadonlySet<string> = new Set([
  'shape',
  'snapshotWorking',
  'recordsWant',
  'records',
  'ask',
  'answer',
]);

/** The level from which on a message is understood; to a member that speaks none so high it must not go. */
export function levelOfMessage({ type }: PeerMessage): number {
  return sinceLevelTwo.has(type) ? 2 : 1;
}

function readOther(type: number, fields: Fields, raw: Uint8Array): PeerMessage | null {
  switch (type) {
    case tag.alive:
      return { type: 'alive' };
    case tag.announce: {
      const state = fields.text(1);
      const clusterId = fields.textOrNull(2);
      if (state !== 'blank' && state !== 'founding' && state !== 'founded') return null;
      const configuration = fields.bytesOrNull(3);
      return (clusterId === null) === (state === 'blank')
        ? { type: 'announce', state, clusterId, configuration }
        : null;
    }
    case tag.prepare:
      return { type: 'prepare', clusterId: fields.text(1), witnesses: fields.texts(2) as NodeId[] };
    case tag.prepared:
      return { type: 'prepared', clusterId: fields.text(1) };
    case tag.snapshotOffer:
      return {
        type: 'snapshotOffer',
        term: fields.count(1),
        index: fields.count(2),
        snapshotTerm: fields.count(3),
        bytes: fields.count(4),
      };
    case tag.snapshotWant:
      return { type: 'snapshotWant', index: fields.count(1), offset: fields.count(2) };
    case tag.snapshotPiece:
      return { type: 'snapshotPiece', index: fields.count(1), offset: fields.count(2), bytes: raw };
    case tag.ask:
      return { type: 'ask', request: fields.count(1), body: raw };
    case tag.answer:
      return { type: 'answer', request: fields.count(1), body: raw };
    case tag.snapshotWorking:
      return { type: 'snapshotWorking', index: fields.count(1) };
    case tag.snapshotDone:
      return { type: 'snapshotDone', index: fields.count(1), installed: fields.flag(2) };
    case tag.recordsWant:
      return {
        type: 'recordsWant',
        request: fields.count(1),
        from: fields.count(2),
        to: fields.count(3),
        bytesMax: fields.count(4),
      };
    case tag.records:
      return {
        type: 'records',
        request: fields.count(1),
        from: fields.count(2),
        next: fields.count(3),
        appliedIndex: fields.count(4),
        lacking: fields.counts(5),
        checksum: fields.count(6),
        bytes: raw,
      };
    default:
      return null;
  }
}
