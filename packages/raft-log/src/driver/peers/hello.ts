import { decodeText, decodeTextStrictly, encodeText } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import type { LevelRange } from '../levels.ts';

/**
 * Layouts of a hello. 1: the first version's; who sends it speaks level 1 alone. 2: says which levels the sender speaks, and ends with
 * bytes that this program passes over, so that later levels need no third. An answer has the layout of the hello.
 */
export type HelloVersion = 1 | 2;

/** The newest layout that a node of these levels reads and writes. */
export function helloVersionOf(levels: LevelRange): HelloVersion {
  return levels.max === 1 ? 1 : 2;
}

const magic = encodeText('LKSP');
const textBytesMax = 255;
export const nonceBytes = 16;

/** Bound on every frame before both sides are known to each other. */
export const handshakeFrameBytesMax = 4096;

/** How far a member is on its way into a cluster. `blank`: it has no identity on disk. */
export type MemberState = 'blank' | 'founding' | 'founded';

/** `raft`: messages of one member to another. `sessions`: after the handshake the bytes are those of a channel between a node's sessions and the master. */
export type LinkKind = 'raft' | 'sessions';

/** What a node says about itself. */
export interface LocalIdentity {
  readonly broker: string;
  readonly node: NodeId;
  /** Null while blank. */
  readonly clusterId: string | null;
  readonly state: MemberState;
  /** New whenever a node starts with an empty disk. */
  readonly incarnation: string;
  /** What it wants the other members to know of it: not read here. At most 255 bytes. */
  readonly about: string;
  readonly levels: LevelRange;
  /** The level in use, as far as it knows. */
  readonly level: number;
  /** It is to be a witness when it founds a cluster. */
  readonly witness: boolean;
  /** New whenever a process starts; empty when it is not told (layout 1). */
  readonly run: string;
}

export interface Hello extends LocalIdentity {
  readonly kind: LinkKind;
  readonly nonce: Uint8Array;
}

export type RefusalCode =
  | 'malformed'
  | 'version'
  | 'secret'
  | 'broker'
  | 'cluster'
  | 'node'
  | 'not-leading'
  | 'not-ready'
  | 'certificate'
  | 'removed';

/** Why one side does not want the other. `text` is for the log. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly text: string;
}

/** The handshake's frames: dialler `hello`, acceptor `answer`, dialler `proof`, acceptor `accepted`; or `refused` instead of any of the acceptor's. */
const tag = { hello: 1, answer: 2, proof: 3, accepted: 4, refused: 5 } as const;

export type HandshakeFrame =
  | { readonly type: 'hello'; readonly hello: Hello; readonly version: HelloVersion }
  | { readonly type: 'answer'; readonly hello: Hello; readonly signed: Uint8Array; readonly proof: Uint8Array }
  | { readonly type: 'proof'; readonly proof: Uint8Array }
  | { readonly type: 'accepted' }
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'wrong-version'; readonly version: number };

const states: readonly MemberState[] = ['blank', 'founding', 'founded'];
/** The second was a client's own bytes, which slaves passed through before they served clients themselves: nobody takes them any more. */
const kinds: readonly (LinkKind | null)[] = ['raft', null, 'sessions'];
const codes: readonly RefusalCode[] = [
  'malformed',
  'version',
  'secret',
  'broker',
  'cluster',
  'node',
  'not-leading',
  'not-ready',
  'certificate',
  'removed',
];

class Writer {
  readonly #bytes: number[] = [];
  byte(value: number): this {
    this.#bytes.push(value);
    return this;
  }
  raw(bytes: Uint8Array): this {
    this.#bytes.push(...bytes);
    return this;
  }
  short(bytes: Uint8Array): this {
    return this.byte(bytes.length).raw(bytes);
  }
  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Every read beyond the end, or of a text that is none, spoils the whole; asked once, at the end. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  ok = true;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  take(length: number): Uint8Array {
    if (this.#bytes.length - this.#at < length) this.ok = false;
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += taken.length;
    return taken;
  }
  byte(): number {
    return this.take(1)[0] ?? 0;
  }
  short(): Uint8Array {
    return this.take(this.byte());
  }
  text(): string {
    const text = decodeTextStrictly(this.short());
    if (text === null || hasControl(text)) this.ok = false;
    return text ?? '';
  }
  get at(): number {
    return this.#at;
  }
  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }
}

/** Names from the other side end up in the log: one line each. */
function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 || unit === 0x7f) return true;
  }
  return false;
}

function boundedText(text: string): Uint8Array {
  return encodeText(text).subarray(0, textBytesMax);
}

function writeHello(type: number, hello: Hello, version: HelloVersion): Uint8Array {
  const writer = new Writer()
    .byte(type)
    .raw(magic)
    .byte(0)
    .byte(version)
    .byte(kinds.indexOf(hello.kind))
    .byte(states.indexOf(hello.state));
  if (version === 2) {
    writer
      .byte(hello.levels.min)
      .byte(hello.levels.max)
      .byte(hello.level)
      .byte(hello.witness ? 1 : 0);
  }
  writer
    .short(boundedText(hello.broker))
    .short(boundedText(hello.node))
    .short(boundedText(hello.clusterId ?? ''))
    .short(boundedText(hello.incarnation))
    .short(boundedText(hello.about))
    // A client's address was here.
    .short(new Uint8Array(0));
  if (version === 2) writer.short(boundedText(hello.run));
  writer.raw(hello.nonce);
  // Room for what later programs have to say.
  if (version === 2) writer.short(new Uint8Array(0));
  return writer.done();
}

/** Texts are cut at 255 bytes. */
export function encodeHello(hello: Hello, version: HelloVersion): Uint8Array {
  return writeHello(tag.hello, hello, version);
}

/** What of the acceptor's answer is covered by the proofs. */
export function encodeAnswerHello(hello: Hello, version: HelloVersion): Uint8Array {
  return writeHello(tag.answer, hello, version);
}

export function encodeAnswer(signed: Uint8Array, proof: Uint8Array): Uint8Array {
  return new Writer().raw(signed).short(proof).done();
}

export function encodeProof(proof: Uint8Array): Uint8Array {
  return new Writer().byte(tag.proof).short(proof).done();
}

export function encodeAccepted(): Uint8Array {
  return Uint8Array.of(tag.accepted);
}

export function encodeRefused(refusal: Refusal): Uint8Array {
  return new Writer().byte(tag.refused).byte(codes.indexOf(refusal.code)).short(boundedText(refusal.text)).done();
}

/** Null when the bytes are not a frame of this handshake. Layouts up to `newest` are read. */
export function parseHandshakeFrame(bytes: Uint8Array, newest: HelloVersion): HandshakeFrame | null {
  const reader = new Reader(bytes);
  const type = reader.byte();
  switch (type) {
    case tag.hello:
    case tag.answer:
      return parseHello(reader, type, bytes, newest);
    case tag.proof: {
      const proof = reader.short();
      return reader.ok && reader.ended ? { type: 'proof', proof } : null;
    }
    case tag.accepted:
      return reader.ended ? { type: 'accepted' } : null;
    case tag.refused: {
      const code = codes[reader.byte()];
      const text = decodeText(reader.short());
      if (!reader.ok || !reader.ended || code === undefined || hasControl(text)) return null;
      return { type: 'refused', refusal: { code, text } };
    }
    default:
      return null;
  }
}

function parseHello(reader: Reader, type: number, bytes: Uint8Array, newest: HelloVersion): HandshakeFrame | null {
  const found = reader.take(magic.length);
  if (!reader.ok || found.some((byte, at) => byte !== magic[at])) return null;
  const version = reader.byte() * 256 + reader.byte();
  if (!reader.ok) return null;
  // The rest of another version's hello may look quite different.
  if ((version !== 1 && version !== 2) || version > newest) return { type: 'wrong-version', version };
  const hello = readHello(reader, version);
  if (hello === null) return null;
  if (type === tag.hello) return reader.ended ? { type: 'hello', hello, version } : null;
  const signed = bytes.subarray(0, reader.at);
  const proof = reader.short();
  return reader.ok && reader.ended ? { type: 'answer', hello, signed, proof } : null;
}

function readHello(reader: Reader, version: HelloVersion): Hello | null {
  const kind = kinds[reader.byte()];
  const state = states[reader.byte()];
  const levels = version === 1 ? { min: 1, max: 1 } : { min: reader.byte(), max: reader.byte() };
  const level = version === 1 ? 1 : reader.byte();
  const witness = version === 1 ? 0 : reader.byte();
  const broker = reader.text();
  const node = reader.text() as NodeId;
  const cluster = reader.text();
  const incarnation = reader.text();
  const about = reader.text();
  reader.text();
  const run = version === 1 ? '' : reader.text();
  const nonce = reader.take(nonceBytes);
  if (version === 2) reader.short();
  if (!reader.ok || kind === undefined || kind === null || state === undefined) return null;
  const clusterId = cluster === '' ? null : cluster;
  if ((clusterId === null) !== (state === 'blank') || levels.min < 1 || levels.max < levels.min) return null;
  if (witness > 1) return null;
  const told = { broker, node, clusterId, state, incarnation, about, levels, level, run };
  return { ...told, witness: witness === 1, kind, nonce };
}
