const DEFAULT_BASE_PORT = 61_613;
const FIRST_DEFAULT_ADMIN = 8161;
const HOST = '127.0.0.1';
const NODES_MAX = 9;

/** Where one node of the local cluster listens. Addresses are `host:port`. */
export interface NodeLayout {
  readonly id: string;
  readonly stomp: string;
  readonly ws: string;
  readonly peers: string;
  readonly admin: string;
}

/**
 * The ports of a local cluster: node i has STOMP at base+10i, WebSocket at base+1+10i, peers at base+6+10i, and its admin port at 8161+i; with another base
 * that is base+7+10i, so that two clusters can stand side by side.
 * @throws RangeError that says what is allowed.
 */
export function clusterLayout(nodes: number, basePort: number = DEFAULT_BASE_PORT): readonly NodeLayout[] {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX) {
    throw new RangeError(`--nodes: '${nodes}': must be a whole number from 1 to ${NODES_MAX}`);
  }
  const highest = 65_535 - 10 * (nodes - 1) - 7;
  if (!Number.isInteger(basePort) || basePort < 1 || basePort > highest) {
    throw new RangeError(`--base-port: '${basePort}': must be a whole number from 1 to ${highest} for ${nodes} nodes`);
  }
  return Array.from({ length: nodes }, (_, index) => {
    const admin = basePort === DEFAULT_BASE_PORT ? FIRST_DEFAULT_ADMIN + index : basePort + 7 + 10 * index;
    return {
      id: 'abcdefghi'[index] as string,
      stomp: `${HOST}:${basePort + 10 * index}`,
      ws: `${HOST}:${basePort + 1 + 10 * index}`,
      peers: `${HOST}:${basePort + 6 + 10 * index}`,
      admin: `${HOST}:${admin}`,
    };
  });
}

export function clusterUri(layout: readonly NodeLayout[]): string {
  return `failover:(${layout.map(({ stomp }) => `tcp://${stomp}`).join(',')})`;
}

/** The command line of one node, behind `lockstep`. */
export function nodeArguments(node: NodeLayout, layout: readonly NodeLayout[], data: string): readonly string[] {
  const members = layout.map(({ id, peers }) => `${id}=${peers}`).join(',');
  const own = ['--node', node.id, '--data', data, '--stomp', node.stomp, '--ws', node.ws, '--admin', node.admin];
  return ['start', ...own, '--peer-listen', node.peers, '--members', members];
}
