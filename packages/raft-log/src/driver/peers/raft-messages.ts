import type { NodeId } from '@lockstep/kernel';
import type { AppendReply, Entry, RaftMessage, Shape } from '../../node/types.ts';
import { decodeConfiguration, encodeConfiguration } from '../membership/configuration-codec.ts';
import { Fields } from './fields.ts';

/** Cuts concatenated records apart and checks their checksums. Null when they are damaged. */
export type RecordParser = (bytes: Uint8Array) => readonly Entry[] | null;

/** Numbers on the wire. Sender and receiver are those of the connection and do not travel. */
const tag = {
  preVoteRequest: 1,
  preVoteReply: 2,
  voteRequest: 3,
  voteReply: 4,
  append: 5,
  appendReply: 6,
  heartbeat: 7,
  heartbeatReply: 8,
  timeoutNow: 9,
  shape: 10,
} as const;

export function isRaftMessage(message: { readonly type: string }): message is RaftMessage {
  return Object.hasOwn(tag, message.type);
}

/** The records of an append are passed through as they stand in the journal. */
export function encodeRaft(message: RaftMessage): {
  readonly envelope: readonly unknown[];
  readonly raw: readonly Uint8Array[];
} {
  if (message.type !== 'append') return { envelope: envelopeOf(message), raw: [] };
  const envelope = [
    tag.append,
    message.term,
    message.previousIndex,
    message.previousTerm,
    message.commitIndex,
    message.entries.length,
  ];
  return { envelope, raw: message.entries.map((entry) => entry.record) };
}

function envelopeOf(message: Exclude<RaftMessage, { type: 'append' }>): readonly unknown[] {
  switch (message.type) {
    case 'preVoteRequest':
      return [tag.preVoteRequest, message.term, message.lastIndex, message.lastTerm];
    case 'preVoteReply':
      return [tag.preVoteReply, message.term, message.granted];
    case 'voteRequest':
      return [tag.voteRequest, message.term, message.lastIndex, message.lastTerm, message.transfer];
    case 'voteReply':
      return [tag.voteReply, message.term, message.granted];
    case 'appendReply': {
      const { reject } = message;
      const rejected = reject === null ? [null, 0, 0] : [reject.previousIndex, reject.hintIndex, reject.hintTerm];
      return [tag.appendReply, message.term, message.matchIndex, message.standing, ...rejected];
    }
    case 'heartbeat':
      return [
        tag.heartbeat,
        message.term,
        message.commitIndex,
        message.round,
        message.admitIndex,
        message.releasedIndex,
      ];
    case 'heartbeatReply':
      return [tag.heartbeatReply, message.term, message.round, message.standing];
    case 'timeoutNow':
      return [tag.timeoutNow, message.term];
    case 'shape': {
      const { index, configuration } = message.configuration;
      return [tag.shape, message.term, message.index, message.shapeTerm, index, encodeConfiguration(configuration)];
    }
  }
}

/** Null when it is not a Raft message, or one that no correct member sends. */
export function decodeRaft(
  envelope: readonly unknown[],
  raw: Uint8Array,
  from: NodeId,
  to: NodeId,
  parseRecords: RecordParser,
): RaftMessage | null {
  const fields = new Fields(envelope);
  const base = { from, to, term: fields.count(1) };
  if (envelope[0] === tag.append) return decodeAppend(fields, raw, base, parseRecords);
  const message = decodePlain(envelope[0], fields, base);
  return fields.ok && raw.length === 0 ? message : null;
}

interface Base {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
}

function decodePlain(type: unknown, fields: Fields, base: Base): RaftMessage | null {
  switch (type) {
    case tag.preVoteRequest:
      return { type: 'preVoteRequest', ...base, lastIndex: fields.count(2), lastTerm: fields.count(3) };
    case tag.preVoteReply:
      return { type: 'preVoteReply', ...base, granted: fields.flag(2) };
    case tag.voteRequest:
      return {
        type: 'voteRequest',
        ...base,
        lastIndex: fields.count(2),
        lastTerm: fields.count(3),
        transfer: fields.flag(4),
      };
    case tag.voteReply:
      return { type: 'voteReply', ...base, granted: fields.flag(2) };
    case tag.appendReply:
      return decodeAppendReply(fields, base);
    case tag.heartbeat:
      return {
        type: 'heartbeat',
        ...base,
        commitIndex: fields.count(2),
        round: fields.count(3),
        admitIndex: fields.countOrNull(4),
        // Members of level 1 do not send it.
        releasedIndex: fields.countOr(5, 0),
      };
    case tag.heartbeatReply:
      return { type: 'heartbeatReply', ...base, round: fields.count(2), standing: fields.standing(3) };
    case tag.timeoutNow:
      return { type: 'timeoutNow', ...base };
    case tag.shape:
      return decodeShape(fields, base);
    default:
      return null;
  }
}

function decodeShape(fields: Fields, base: Base): Shape | null {
  const configuration = decodeConfiguration(fields.bytes(5));
  if (configuration === null) return null;
  const at = { index: fields.count(4), configuration };
  return { type: 'shape', ...base, index: fields.count(2), shapeTerm: fields.count(3), configuration: at };
}

function decodeAppendReply(fields: Fields, base: Base): AppendReply {
  const previousIndex = fields.countOrNull(4);
  const hintIndex = fields.count(5);
  const hintTerm = fields.count(6);
  const reject = previousIndex === null ? null : { previousIndex, hintIndex, hintTerm };
  return { type: 'appendReply', ...base, matchIndex: fields.count(2), standing: fields.standing(3), reject };
}

function decodeAppend(fields: Fields, raw: Uint8Array, base: Base, parseRecords: RecordParser): RaftMessage | null {
  const previousIndex = fields.count(2);
  const previousTerm = fields.count(3);
  const commitIndex = fields.count(4);
  const count = fields.count(5);
  const entries = raw.length === 0 ? [] : parseRecords(raw);
  if (!fields.ok || entries === null || entries.length !== count) return null;
  // Raft §5.3: indices follow one another and terms never fall; a leader has no entry of a later term than its own.
  let index = previousIndex;
  let term = previousTerm;
  for (const entry of entries) {
    if (entry.index !== index + 1 || entry.term < term || entry.term > base.term) return null;
    index = entry.index;
    term = entry.term;
  }
  return { type: 'append', ...base, previousIndex, previousTerm, commitIndex, entries };
}
