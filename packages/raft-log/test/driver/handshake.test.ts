import { encodeText } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { AcceptHandshake, DialHandshake } from '../../src/driver/peers/handshake.ts';
import type { HandshakeOutcome } from '../../src/driver/peers/handshake.ts';
import { encodeHello, encodeProof, parseHandshakeFrame } from '../../src/driver/peers/hello.ts';
import type { Hello, LocalIdentity } from '../../src/driver/peers/hello.ts';
import { makeProof } from '../../src/driver/peers/proof.ts';

const identity = (node: string): LocalIdentity => ({
  broker: 'east',
  node: node as NodeId,
  clusterId: null,
  state: 'blank',
  incarnation: `${node}1`,
  about: '',
  levels: { min: 1, max: 2 },
  level: 1,
  witness: false,
  run: `${node}-run`,
});
const old = (node: string): LocalIdentity => ({ ...identity(node), levels: { min: 1, max: 1 }, run: '' });
const nonce = (fill: number): Uint8Array => new Uint8Array(16).fill(fill);
const secret = encodeText('s');
const welcome = (): null => null;
const kind = 'raft' as const;
const hello: Hello = { ...identity('a'), kind, nonce: nonce(1) };
const body = (frame: Uint8Array | undefined): Uint8Array => (frame ?? new Uint8Array(4)).subarray(4);

function refusalOf(outcome: HandshakeOutcome | null): string | null {
  return outcome?.type === 'refused' ? outcome.refusal.code : null;
}

t.test('both sides come to know each other', async (t) => {
  const dialler = new DialHandshake(identity('a'), kind, secret, nonce(1), welcome);
  const acceptor = new AcceptHandshake(identity('b'), secret, nonce(2), welcome);
  const answer = acceptor.step(body(dialler.opening[0]));
  const proof = dialler.step(body(answer.send[0]));
  t.same([answer.outcome, proof.outcome], [null, null]);
  const accepted = acceptor.step(body(proof.send[0]));
  t.match(accepted.outcome, { type: 'accepted', hello: { node: 'a', broker: 'east', kind: 'raft' } });
  t.match(dialler.step(body(accepted.send[0])).outcome, { type: 'accepted', hello: { node: 'b' } });
});

t.test('the acceptor takes no proof but one of the secret, for this connection, by the dialler', async (t) => {
  const opened = (): { acceptor: AcceptHandshake; answer: Uint8Array } => {
    const acceptor = new AcceptHandshake(identity('b'), secret, nonce(2), welcome);
    return { acceptor, answer: body(acceptor.step(encodeHello(hello, 2)).send[0]) };
  };
  const { answer } = opened();
  const parsed = parseHandshakeFrame(answer, 2);
  const given = parsed?.type === 'answer' ? parsed : null;
  const signed = given?.signed ?? new Uint8Array(0);
  const otherHello = encodeHello({ ...hello, nonce: nonce(9) }, 2);
  const forged: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['zeros', new Uint8Array(32)],
    ["the acceptor's own, sent back", given?.proof ?? new Uint8Array(0)],
    ['one made with another secret', makeProof(encodeText('t'), 'dialler', encodeHello(hello, 2), signed)],
    ['one of another connection', makeProof(secret, 'dialler', otherHello, signed)],
  ];
  for (const [name, proof] of forged) {
    const { acceptor } = opened();
    t.equal(refusalOf(acceptor.step(encodeProof(proof)).outcome), 'secret', name);
  }
  const right = makeProof(secret, 'dialler', encodeHello(hello, 2), signed);
  t.equal(opened().acceptor.step(encodeProof(right)).outcome?.type, 'accepted');
});

t.test('the dialler gives no proof to one that has none', async (t) => {
  for (const other of [null, encodeText('t')]) {
    const dialler = new DialHandshake(identity('a'), kind, secret, nonce(1), welcome);
    const impostor = new AcceptHandshake(identity('b'), other, nonce(2), welcome);
    const step = dialler.step(body(impostor.step(body(dialler.opening[0])).send[0]));
    t.equal(refusalOf(step.outcome), 'secret');
    t.same(step.send, []);
  }
});

t.test('nobody is judged, and no reason given, before the proof', async (t) => {
  let judged = 0;
  const judge = (): { code: 'broker'; text: string } => {
    judged += 1;
    return { code: 'broker', text: 'not ours' };
  };
  const acceptor = new AcceptHandshake(identity('b'), secret, nonce(2), judge);
  acceptor.step(encodeHello(hello, 2));
  t.equal(refusalOf(acceptor.step(encodeProof(new Uint8Array(32))).outcome), 'secret');
  t.equal(judged, 0);
});

t.test('another version is refused by name', async (t) => {
  const bytes = Uint8Array.from(encodeHello(hello, 2));
  bytes[6] = 3;
  const acceptor = new AcceptHandshake(identity('b'), secret, nonce(2), welcome);
  const step = acceptor.step(bytes.subarray(0, 20));
  t.match(step.outcome, { refusal: { code: 'version', text: /version 3 of the peer protocol, this node version 2/ } });
  const dialler = new DialHandshake(identity('a'), kind, secret, nonce(1), welcome);
  t.match(dialler.step(body(step.send[0])).outcome, { refusal: { code: 'version' }, byPeer: true });
});

t.test('a node of level 1 knows the first hello alone, and is met with it', async (t) => {
  const newest = new DialHandshake(identity('a'), kind, secret, nonce(1), welcome);
  const refusing = new AcceptHandshake(old('b'), secret, nonce(2), welcome);
  const refused = refusing.step(body(newest.opening[0]));
  t.match(refused.outcome, {
    refusal: { code: 'version', text: /version 2 of the peer protocol, this node version 1/ },
  });

  for (const [from, to] of [
    [identity('a'), old('b')],
    [old('a'), identity('b')],
  ] as const) {
    const dialler = new DialHandshake(from, kind, secret, nonce(1), welcome, 1);
    const acceptor = new AcceptHandshake(to, secret, nonce(2), welcome);
    const proof = dialler.step(body(acceptor.step(body(dialler.opening[0])).send[0]));
    const accepted = acceptor.step(body(proof.send[0]));
    t.match(accepted.outcome, {
      type: 'accepted',
      hello: { node: 'a', levels: { min: 1, max: 1 }, level: 1, run: '' },
    });
    t.match(dialler.step(body(accepted.send[0])).outcome, { type: 'accepted', hello: { levels: { max: 1 } } });
  }
});

t.test(
  'the second hello says which levels are spoken, and what a later one adds at its end is passed over',
  async (t) => {
    const bytes = encodeHello({ ...hello, levels: { min: 2, max: 9 }, level: 3, witness: true }, 2);
    const longer = Uint8Array.from([...bytes.subarray(0, -1), 3, 7, 7, 7]);
    t.match(parseHandshakeFrame(longer, 2), {
      hello: { levels: { min: 2, max: 9 }, level: 3, witness: true, run: 'a-run' },
    });
    const impossible = encodeHello({ ...hello, levels: { min: 3, max: 2 } }, 2);
    t.equal(parseHandshakeFrame(impossible, 2), null);
  },
);
