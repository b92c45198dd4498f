import type { NodeId, Random, SessionId } from '@lockstep/kernel';

/**
 * Makes a node's session ids: `<node>-<stamp>-<n>`. The stamp is drawn at the start of the process, so that no id comes
 * twice in the logical broker, over all time. Perl's Net::Stomp builds receipt ids from them, so they hold `[A-Za-z0-9._-]` alone.
 */
export class SessionIds {
  readonly #prefix: string;
  #count = 0;

  constructor(node: NodeId, random: Random) {
    const stamp = Array.from(random.bytes(8), (byte) => byte.toString(16).padStart(2, '0')).join('');
    this.#prefix = `${node.replace(/[^A-Za-z0-9._-]/g, '_')}-${stamp}`;
  }

  next(): SessionId {
    this.#count++;
    return `${this.#prefix}-${this.#count}` as SessionId;
  }
}
