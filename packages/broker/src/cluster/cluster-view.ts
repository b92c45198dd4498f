/** What is happening to one node's process, as far as whoever runs it knows. */
export type NodeCondition = 'starting' | 'running' | 'paused' | 'down';

export interface NodeView {
  readonly id: string;
  condition: NodeCondition;
  /** As the node said last; null before it said anything. */
  role: string | null;
  /** Whom it takes for the master. */
  master: string | null;
}

/** What happened, and when. */
interface Trouble {
  readonly id: string;
  readonly what: string;
  readonly atMs: number;
}

/** Follows what the nodes of a local cluster say of themselves and what is done to them, and tells it in plain words. */
export class ClusterView {
  readonly nodes: readonly NodeView[];
  readonly #nowMs: () => number;
  #trouble: Trouble | null = null;
  #lastMaster: string | null = null;

  constructor(ids: readonly string[], nowMs: () => number) {
    this.nodes = ids.map((id) => ({ id, condition: 'starting', role: null, master: null }));
    this.#nowMs = nowMs;
  }

  /** The node that serves as master; a paused one may believe it is, and does not count. */
  get master(): string | null {
    const masters = this.nodes.filter(({ condition, role }) => condition === 'running' && role === 'master');
    // For a moment after a pause the old master has not heard of the new one.
    return masters.find(({ id }) => id === this.#lastMaster)?.id ?? masters[0]?.id ?? null;
  }

  /** `a master · b slave · c down`. */
  get summary(): string {
    return this.nodes.map((node) => `${node.id} ${shown(node)}`).join(' · ');
  }

  node(id: string): NodeView {
    const found = this.nodes.find((node) => node.id === id);
    if (found === undefined) throw new RangeError(`no node ${id}`);
    return found;
  }

  /** A node said its role. Answers the line to show; null when that is nothing new. */
  roleHeard(id: string, role: string, master: string | null): string | null {
    const node = this.node(id);
    if (node.condition === 'down' || node.condition === 'paused') return null;
    // A candidate has no master, whatever it says of itself while it becomes one.
    const same = node.role === role && (node.master === master || role === 'candidate');
    if (node.condition === 'running' && same) return null;
    node.condition = 'running';
    node.role = role;
    node.master = master;
    switch (role) {
      case 'master':
        return this.#masterLine(id);
      case 'slave':
        return `${id} is a slave of ${master}`;
      case 'candidate':
        return `${id} looks for a master`;
      case 'learner':
        return `${id} is learning what the others hold, and has no vote yet`;
      default:
        return `${id} is ${role}`;
    }
  }

  /** Something was done to a node's process, or it ended. Answers the line to show. */
  changed(id: string, condition: NodeCondition, what: string): string {
    const node = this.node(id);
    const wasMaster = this.master === id;
    node.condition = condition;
    if (condition !== 'running') node.role = null;
    if (wasMaster && (condition === 'down' || condition === 'paused')) {
      this.#trouble = { id, what, atMs: this.#nowMs() };
    }
    return `${id} ${what}${this.#majorityWarning(condition)}`;
  }

  #masterLine(id: string): string {
    this.#lastMaster = id;
    const trouble = this.#trouble;
    this.#trouble = null;
    if (trouble === null || trouble.id === id) return `${id} is the master`;
    const seconds = ((this.#nowMs() - trouble.atMs) / 1000).toFixed(2);
    return `${id} is the master, ${seconds} s after ${trouble.id} ${trouble.what}`;
  }

  #majorityWarning(condition: NodeCondition): string {
    if (condition !== 'down' && condition !== 'paused') return '';
    const up = this.nodes.filter((node) => node.condition === 'running' || node.condition === 'starting').length;
    if (up * 2 > this.nodes.length) return '';
    return `: ${up} of ${this.nodes.length} nodes ${up === 1 ? 'is' : 'are'} left, which is no majority; nothing is acknowledged until one is revived`;
  }
}

function shown({ condition, role }: NodeView): string {
  return condition === 'running' ? (role ?? 'running') : condition;
}
