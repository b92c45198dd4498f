import { frameOf } from './frames.ts';
import {
  encodeAccepted,
  encodeAnswer,
  encodeAnswerHello,
  encodeHello,
  encodeProof,
  encodeRefused,
  helloVersionOf,
  parseHandshakeFrame,
} from './hello.ts';
import type { Hello, HelloVersion, LinkKind, LocalIdentity, Refusal } from './hello.ts';
import { makeProof, proofMatches } from './proof.ts';

/** `accepted`: the other side's hello; both have proved that they know the secret. */
export type HandshakeOutcome =
  | { readonly type: 'accepted'; readonly hello: Hello }
  /** `byPeer`: the other side does not want us; else we don't want it. */
  | { readonly type: 'refused'; readonly refusal: Refusal; readonly byPeer: boolean };

export interface HandshakeStep {
  /** Whole frames. */
  readonly send: readonly Uint8Array[];
  /** Null: go on. */
  readonly outcome: HandshakeOutcome | null;
}

/** One side of the handshake: frames in, frames out. Holds no connection. */
export interface Handshake {
  /** What goes out before anything has come in. */
  readonly opening: readonly Uint8Array[];
  step(frame: Uint8Array): HandshakeStep;
}

/** Judges a hello that has been proved. Null: welcome. */
export type Judge = (hello: Hello) => Refusal | null;

/** From the proof alone nobody can tell whose is wrong. */
const otherSecret: Refusal = {
  code: 'secret',
  text: 'the shared secrets of both differ, or one has none: see cluster.secretFile',
};
const malformed: Refusal = { code: 'malformed', text: 'it does not speak the peer protocol' };

function wrongVersion(version: number, newest: HelloVersion): Refusal {
  return {
    code: 'version',
    text: `it speaks version ${version} of the peer protocol, this node version ${newest}`,
  };
}

function refuse(refusal: Refusal): HandshakeStep {
  return {
    send: [frameOf(encodeRefused(refusal))],
    outcome: { type: 'refused', refusal, byPeer: false },
  };
}

function giveUp(refusal: Refusal, byPeer: boolean): HandshakeStep {
  return { send: [], outcome: { type: 'refused', refusal, byPeer } };
}

/** The side that dialled. */
export class DialHandshake implements Handshake {
  readonly opening: readonly Uint8Array[];
  readonly #version: HelloVersion;
  readonly #hello: Uint8Array;
  readonly #secret: Uint8Array | null;
  readonly #judge: Judge;
  #answer: Hello | null = null;

  /** `nonce` must be fresh. `version`: the layout of the hello; who reads only an older one refuses a newer one with `version`. */
  constructor(
    local: LocalIdentity,
    kind: LinkKind,
    secret: Uint8Array | null,
    nonce: Uint8Array,
    judge: Judge,
    version: HelloVersion = helloVersionOf(local.levels),
  ) {
    this.#version = version;
    this.#hello = encodeHello({ ...local, kind, nonce }, version);
    this.opening = [frameOf(this.#hello)];
    this.#secret = secret;
    this.#judge = judge;
  }

  step(frame: Uint8Array): HandshakeStep {
    const parsed = parseHandshakeFrame(frame, this.#version);
    if (parsed === null) return giveUp(malformed, false);
    if (parsed.type === 'refused') return giveUp(parsed.refusal, true);
    if (parsed.type === 'wrong-version') return giveUp(wrongVersion(parsed.version, this.#version), false);
    if (this.#answer !== null) {
      if (parsed.type !== 'accepted') return giveUp(malformed, false);
      return { send: [], outcome: { type: 'accepted', hello: this.#answer } };
    }
    if (parsed.type !== 'answer') return giveUp(malformed, false);
    const expected = makeProof(this.#secret, 'acceptor', this.#hello, parsed.signed);
    if (!proofMatches(expected, parsed.proof)) {
      return giveUp(otherSecret, false);
    }
    const refusal = this.#judge(parsed.hello);
    if (refusal !== null) return giveUp(refusal, false);
    this.#answer = parsed.hello;
    const proof = makeProof(this.#secret, 'dialler', this.#hello, parsed.signed);
    return { send: [frameOf(encodeProof(proof))], outcome: null };
  }
}

/** The side that was dialled. It judges nobody before they have proved themselves. */
export class AcceptHandshake implements Handshake {
  readonly opening: readonly Uint8Array[] = [];
  readonly #local: LocalIdentity;
  readonly #secret: Uint8Array | null;
  readonly #nonce: Uint8Array;
  readonly #judge: Judge;
  #hello: Hello | null = null;
  #expected: Uint8Array = new Uint8Array(0);

  /** `nonce` must be fresh. */
  constructor(local: LocalIdentity, secret: Uint8Array | null, nonce: Uint8Array, judge: Judge) {
    this.#local = local;
    this.#secret = secret;
    this.#nonce = nonce;
    this.#judge = judge;
  }

  step(frame: Uint8Array): HandshakeStep {
    const newest = helloVersionOf(this.#local.levels);
    const parsed = parseHandshakeFrame(frame, newest);
    if (parsed === null) return giveUp(malformed, false);
    if (parsed.type === 'wrong-version') return refuse(wrongVersion(parsed.version, newest));
    if (this.#hello === null) {
      if (parsed.type !== 'hello') return giveUp(malformed, false);
      return this.#answerTo(parsed.hello, parsed.version, frame);
    }
    if (parsed.type !== 'proof') return giveUp(malformed, false);
    if (!proofMatches(this.#expected, parsed.proof)) {
      return refuse(otherSecret);
    }
    const refusal = this.#judge(this.#hello);
    if (refusal !== null) return refuse(refusal);
    return { send: [frameOf(encodeAccepted())], outcome: { type: 'accepted', hello: this.#hello } };
  }

  #answerTo(hello: Hello, version: HelloVersion, bytes: Uint8Array): HandshakeStep {
    this.#hello = hello;
    const answer = { ...this.#local, kind: hello.kind, nonce: this.#nonce };
    const signed = encodeAnswerHello(answer, version);
    this.#expected = makeProof(this.#secret, 'dialler', bytes, signed);
    const proof = makeProof(this.#secret, 'acceptor', bytes, signed);
    return { send: [frameOf(encodeAnswer(signed, proof))], outcome: null };
  }
}
