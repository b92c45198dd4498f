import type { Address, NodeId } from '@lockstep/kernel';
import type { Hello, LocalIdentity, Refusal } from './hello.ts';

/** Whether a node that knows the secret is one to work with. `expected`: whom we dialled; null when it dialled us. */
export function judgeHello(
  hello: Hello,
  local: LocalIdentity,
  peers: ReadonlyMap<NodeId, Address>,
  expected: NodeId | null,
): Refusal | null {
  if (hello.broker !== local.broker) {
    return { code: 'broker', text: `it belongs to the logical broker ${hello.broker}, this node to ${local.broker}` };
  }
  if (expected !== null && hello.node !== expected) {
    return { code: 'node', text: `it is node ${hello.node}, where node ${expected} should be` };
  }
  if (!peers.has(hello.node)) {
    const text =
      hello.node === local.node ? `it calls itself ${hello.node}, too` : `${hello.node} is not one of the members`;
    return { code: 'node', text };
  }
  const bothFounded = hello.state === 'founded' && local.state === 'founded';
  if (bothFounded && hello.clusterId !== local.clusterId) {
    return {
      code: 'cluster',
      text: `it belongs to the cluster ${hello.clusterId ?? ''}, this node to ${local.clusterId ?? ''}: to join, a node must have an empty data directory`,
    };
  }
  return null;
}
