import type { JournalPosition } from '@lockstep/kernel';
import { decodeAttributes, encodeAttributes } from '@lockstep/core';
import type {
  ConsumerAttributes,
  ConsumerWish,
  MasterMessage,
  NodeMessage,
  PublishedMessage,
  Refusal,
  SettlementGroup,
} from '@lockstep/core';

import type { FrameFields } from './frame-fields.ts';
import type { FrameWriter } from './frame-writer.ts';

/** What a frame holds: its first byte. One list for both directions; numbers are never used for something else. */
const frame = {
  hello: 1,
  open: 2,
  attach: 3,
  propose: 4,
  settle: 5,
  commit: 6,
  subscribe: 7,
  unsubscribe: 8,
  interest: 9,
  nodePublish: 10,
  undeliverable: 11,
  release: 12,
  attached: 32,
  stale: 33,
  subscribed: 34,
  unsubscribed: 35,
  interested: 36,
  deliver: 37,
  masterPublish: 38,
  published: 39,
  window: 40,
} as const;

const outcomes: readonly SettlementGroup['outcome'][] = ['ack', 'requeue', 'dead-letter', 'discard', 'return'];
const refusalCodes: readonly Refusal['code'][] = [
  'store-full',
  'overloaded',
  'no-such-message',
  'too-large',
  'bad-destination',
  'behind-refused',
];

/** Raised when frames change: who does not know it closes the channel. */
const channelVersion = 2;

/** What a node says first on a channel. */
export interface ChannelHello {
  readonly type: 'hello';
  readonly node: string;
  /** Names its process. */
  readonly run: string;
}

export function writeHello(out: FrameWriter, { node, run }: Omit<ChannelHello, 'type'>): void {
  out.begin(frame.hello);
  out.byte(channelVersion);
  out.text(node);
  out.text(run);
  out.end();
}

export function writeNodeMessage(out: FrameWriter, message: NodeMessage): void {
  out.begin(frame[message.type === 'publish' ? 'nodePublish' : message.type]);
  writeNodeFields(out, message);
  out.end();
}

function writeNodeFields(out: FrameWriter, message: NodeMessage): void {
  switch (message.type) {
    case 'open':
      return out.text(message.run);
    case 'attach':
      return writeAttach(out, message);
    case 'propose':
      out.number(message.number);
      out.number(message.over);
      writeCommands(out, message.commands);
      return out.numbers(message.sessions);
    case 'settle':
      out.number(message.number);
      return writeGroups(out, message.groups);
    case 'commit':
      out.number(message.number);
      out.number(message.session);
      out.number(message.over);
      writeCommands(out, message.commands);
      return writeGroups(out, message.groups);
    case 'subscribe':
      return writeWish(out, message);
    case 'unsubscribe':
      return out.number(message.consumer);
    case 'interest':
      out.text(message.topic);
      return out.number(message.consumers);
    case 'release':
      out.number(message.consumer);
      return out.numbers(message.positions);
    case 'publish':
      return writePublished(out, message);
    case 'undeliverable':
      out.number(message.consumer);
      out.number(message.position);
      return out.number(message.size);
  }
}

export function writeMasterMessage(out: FrameWriter, message: MasterMessage): void {
  out.begin(frame[message.type === 'publish' ? 'masterPublish' : message.type]);
  writeMasterFields(out, message);
  out.end();
}

function writeMasterFields(out: FrameWriter, message: MasterMessage): void {
  switch (message.type) {
    case 'attached':
      out.number(message.applied);
      out.number(message.number);
      out.float(message.windowBytes);
      return out.byte(message.lapsed ? 1 : 0);
    case 'stale':
      return;
    case 'subscribed':
      out.number(message.consumer);
      return writeRefusal(out, message.refusal);
    case 'unsubscribed':
      return out.number(message.consumer);
    case 'interested':
      return out.text(message.topic);
    case 'deliver':
      out.number(message.applied);
      out.numbers(message.consumers);
      out.numbers(message.positions);
      out.numbers(message.sizes);
      return out.numbers(message.counts);
    case 'publish':
      out.number(message.epoch);
      return writePublished(out, message);
    case 'published':
      return out.number(message.number);
    case 'window':
      out.float(message.bytes);
      return out.text(message.reason);
  }
}

function writeAttach(out: FrameWriter, message: Extract<NodeMessage, { type: 'attach' }>): void {
  out.number(message.epoch);
  out.number(message.attachedAt);
  out.number(message.consumers.length);
  for (const consumer of message.consumers) {
    writeWish(out, consumer);
    out.numbers(consumer.held);
  }
  out.number(message.topics.length);
  for (const { topic, consumers } of message.topics) {
    out.text(topic);
    out.number(consumers);
  }
}

function writeWish(out: FrameWriter, wish: ConsumerWish): void {
  const { consumer, destination, prefetchMessages, prefetchBytes, attributes } = wish;
  out.number(consumer);
  out.text(destination);
  out.number(prefetchMessages);
  out.number(prefetchBytes);
  out.byte(attributes === null ? 0 : 1);
  if (attributes === null) return;
  out.float(attributes.priority);
  out.byte(attributes.exclusive ? 1 : 0);
  out.number(attributes.maxDeliveries === null ? 0 : attributes.maxDeliveries + 1);
}

function writeCommands(out: FrameWriter, commands: readonly Uint8Array[]): void {
  out.number(commands.length);
  for (const command of commands) out.prefixed(command);
}

function writeGroups(out: FrameWriter, groups: readonly SettlementGroup[]): void {
  out.number(groups.length);
  for (const { consumer, destination, outcome, positions } of groups) {
    out.number(consumer);
    out.text(destination);
    out.byte(outcomes.indexOf(outcome));
    out.numbers(positions);
  }
}

function writePublished(out: FrameWriter, { number, destination, timestampMs, message }: PublishedMessage): void {
  out.number(number);
  out.text(destination);
  out.float(timestampMs);
  out.byte(message.envelope);
  out.prefixed(encodeAttributes(message.attributes));
  out.prefixed(message.headerBlock);
  out.prefixed(message.body);
}

function writeRefusal(out: FrameWriter, refusal: Refusal | null): void {
  out.byte(refusal === null ? 0 : 1 + refusalCodes.indexOf(refusal.code));
  if (refusal !== null) out.text(refusal.message);
}

/** Null: these bytes are no message of a node. */
export function readNodeMessage(fields: FrameFields): NodeMessage | ChannelHello | null {
  const message = readNodeFields(fields);
  return fields.isWhole ? message : null;
}

function readNodeFields(fields: FrameFields): NodeMessage | ChannelHello | null {
  switch (fields.byte()) {
    case frame.hello:
      return fields.byte() === channelVersion ? { type: 'hello', node: fields.text(), run: fields.text() } : null;
    case frame.open:
      return { type: 'open', run: fields.text() };
    case frame.attach:
      return readAttach(fields);
    case frame.propose:
      return readPropose(fields);
    case frame.settle:
      return { type: 'settle', number: fields.number(), groups: readGroups(fields) };
    case frame.commit:
      return readCommit(fields);
    case frame.subscribe:
      return { type: 'subscribe', ...readWish(fields) };
    case frame.unsubscribe:
      return { type: 'unsubscribe', consumer: fields.number() };
    case frame.interest:
      return { type: 'interest', topic: fields.text(), consumers: fields.number() };
    case frame.release:
      return { type: 'release', consumer: fields.number(), positions: fields.numbers() };
    case frame.nodePublish:
      return { type: 'publish', ...readPublished(fields) };
    case frame.undeliverable: {
      const [consumer, position, size] = [fields.number(), fields.number() as JournalPosition, fields.number()];
      return { type: 'undeliverable', consumer, position, size };
    }
    default:
      return null;
  }
}

/** Null: these bytes are no message of a master. */
export function readMasterMessage(fields: FrameFields): MasterMessage | null {
  const message = readMasterFields(fields);
  return fields.isWhole ? message : null;
}

function readMasterFields(fields: FrameFields): MasterMessage | null {
  switch (fields.byte()) {
    case frame.attached: {
      const [applied, number, windowBytes] = [fields.number(), fields.number(), fields.float()];
      return { type: 'attached', applied, number, windowBytes, lapsed: fields.oneOf([false, true]) };
    }
    case frame.stale:
      return { type: 'stale' };
    case frame.subscribed:
      return { type: 'subscribed', consumer: fields.number(), refusal: readRefusal(fields) };
    case frame.unsubscribed:
      return { type: 'unsubscribed', consumer: fields.number() };
    case frame.interested:
      return { type: 'interested', topic: fields.text() };
    case frame.deliver:
      return readDeliver(fields);
    case frame.masterPublish:
      return { type: 'publish', epoch: fields.number(), ...readPublished(fields) };
    case frame.published:
      return { type: 'published', number: fields.number() };
    case frame.window:
      return { type: 'window', bytes: fields.float(), reason: fields.text() };
    default:
      return null;
  }
}

function readAttach(fields: FrameFields): NodeMessage {
  const [epoch, attachedAt] = [fields.number(), fields.number()];
  const consumers = fields.list(() => ({ ...readWish(fields), held: fields.numbers() }));
  const topics = fields.list(() => ({ topic: fields.text(), consumers: fields.number() }));
  return { type: 'attach', epoch, attachedAt, consumers, topics };
}

function readWish(fields: FrameFields): ConsumerWish {
  const [consumer, destination] = [fields.number(), fields.text()];
  const [prefetchMessages, prefetchBytes] = [fields.number(), fields.number()];
  const attributes = fields.oneOf([false, true]) ? readConsumerAttributes(fields) : null;
  return { consumer, destination, prefetchMessages, prefetchBytes, attributes };
}

function readConsumerAttributes(fields: FrameFields): ConsumerAttributes {
  const [priority, exclusive, maxDeliveries] = [fields.float(), fields.oneOf([false, true]), fields.number()];
  return { priority, exclusive, maxDeliveries: maxDeliveries === 0 ? null : maxDeliveries - 1 };
}

/** The columns are of one length. */
function readPropose(fields: FrameFields): NodeMessage | null {
  const [number, over] = [fields.number(), fields.number()];
  const [commands, sessions] = [readCommands(fields), fields.numbers()];
  return sessions.length === commands.length ? { type: 'propose', number, over, commands, sessions } : null;
}

function readCommit(fields: FrameFields): NodeMessage {
  const [number, session, over] = [fields.number(), fields.number(), fields.number()];
  return { type: 'commit', number, session, over, commands: readCommands(fields), groups: readGroups(fields) };
}

function readCommands(fields: FrameFields): Uint8Array[] {
  return fields.list(() => fields.prefixed());
}

function readGroups(fields: FrameFields): readonly SettlementGroup[] {
  return fields.list(() => {
    const [consumer, destination] = [fields.number(), fields.text()];
    return { consumer, destination, outcome: fields.oneOf(outcomes), positions: fields.numbers() };
  });
}

/** The columns are of one length. */
function readDeliver(fields: FrameFields): MasterMessage | null {
  const applied = fields.number();
  const [consumers, positions] = [fields.numbers(), fields.numbers()];
  const [sizes, counts] = [fields.numbers(), fields.numbers()];
  const rows = consumers.length;
  if (positions.length !== rows || sizes.length !== rows || counts.length !== rows) return null;
  return { type: 'deliver', applied, consumers, positions, sizes, counts };
}

function readPublished(fields: FrameFields): PublishedMessage {
  const [number, destination, timestampMs] = [fields.number(), fields.text(), fields.float()];
  const [envelope, attributes] = [fields.byte(), fields.decoded(decodeAttributes, null)];
  const [headerBlock, body] = [fields.prefixed(), fields.prefixed()];
  return { number, destination, timestampMs, message: { envelope, headerBlock, body, attributes } };
}

function readRefusal(fields: FrameFields): Refusal | null {
  const code = fields.oneOf([null, ...refusalCodes]);
  return code === null ? null : { code, message: fields.text() };
}
