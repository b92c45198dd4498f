import type { NodeId } from '@lockstep/kernel';
import { levelRefusal } from '../levels.ts';
import { certifies } from './certificate-name.ts';
import type { Hello, LocalIdentity, Refusal } from './hello.ts';

export interface Judged {
  readonly hello: Hello;
  /** What its certificate says; null without TLS. */
  readonly names: readonly string[] | null;
  /** Whom we dialled; null when it dialled us. */
  readonly expected: NodeId | null;
}

/** Whether a node that has proved what can be proved is one to work with. */
export function judgeHello(
  { hello, names, expected }: Judged,
  local: LocalIdentity,
  peers: ReadonlyMap<NodeId, unknown>,
): Refusal | null {
  if (hello.broker !== local.broker) {
    return { code: 'broker', text: `it belongs to the logical broker ${hello.broker}, this node to ${local.broker}` };
  }
  if (names !== null && !certifies(names, hello.broker, hello.node)) {
    const shown = names.length === 0 ? 'no name' : names.join(', ');
    const text = `it calls itself node ${hello.node}, but its certificate is for ${shown.slice(0, 120)}`;
    return { code: 'certificate', text };
  }
  if (expected !== null && hello.node !== expected) {
    return { code: 'node', text: `it is node ${hello.node}, where node ${expected} should be` };
  }
  if (!peers.has(hello.node)) return stranger(hello, local);
  const levels = levelRefusal(hello.levels, local.levels, local.level);
  if (levels !== null) return { code: 'version', text: levels };
  const bothFounded = hello.state === 'founded' && local.state === 'founded';
  if (bothFounded && hello.clusterId !== local.clusterId) {
    return {
      code: 'cluster',
      text: `it belongs to the cluster ${hello.clusterId ?? ''}, this node to ${local.clusterId ?? ''}: to join, a node must have an empty data directory`,
    };
  }
  return null;
}

function stranger({ node, clusterId, state }: Hello, local: LocalIdentity): Refusal {
  if (node === local.node) {
    const text = `it calls itself ${node}, as this node does: two processes run as one node, and one must be stopped`;
    return { code: 'node', text };
  }
  if (local.state === 'founded' && state === 'founded' && clusterId === local.clusterId) {
    return { code: 'removed', text: `node ${node} is no member of the cluster any more` };
  }
  const hint = local.state === 'founded' ? `: \`lockstep members add ${node}=HOST:PORT\` would make it one` : '';
  return { code: 'node', text: `${node} is not one of the members${hint}` };
}
