import type { SimRandom } from '../random.ts';
import type { FileNode } from './file-node.ts';

export class DirectoryNode {
  readonly type = 'directory';
  /** What a reader sees. */
  readonly current: Map<string, TreeNode> = new Map();
  /** What is sure to survive a crash. */
  readonly durable: Map<string, TreeNode> = new Map();
}

export type TreeNode = FileNode | DirectoryNode;

interface Place {
  readonly directory: DirectoryNode;
  readonly name: string;
}

/** One change of names, atomic: `node` is entered at one place, taken from another, or both (a rename). */
interface NameChange {
  readonly node: TreeNode;
  readonly enter: Place | null;
  readonly leave: Place | null;
}

/** Which change a `syncDirectory` covers: a rename is durable with the directory it goes to. */
function homeOf(change: NameChange): DirectoryNode {
  return (change.enter ?? (change.leave as Place)).directory;
}

function applyTo(view: (directory: DirectoryNode) => Map<string, TreeNode> | undefined, change: NameChange): void {
  const { node, enter, leave } = change;
  if (leave !== null) {
    const names = view(leave.directory);
    if (names?.get(leave.name) === node) names.delete(leave.name);
  }
  if (enter !== null) view(enter.directory)?.set(enter.name, node);
}

/** Names of files and directories, and which of the changes to them are durable. */
export class NameTree {
  readonly root: DirectoryNode = new DirectoryNode();
  #unsynced: NameChange[] = [];

  enter(directory: DirectoryNode, name: string, node: TreeNode): void {
    this.#change({ node, enter: { directory, name }, leave: null });
  }

  leave(directory: DirectoryNode, name: string, node: TreeNode): void {
    this.#change({ node, enter: null, leave: { directory, name } });
  }

  move(node: TreeNode, from: Place, to: Place): void {
    this.#change({ node, enter: to, leave: from });
  }

  sync(directory: DirectoryNode): void {
    for (const change of this.#unsynced) {
      if (homeOf(change) === directory) applyTo((of) => of.durable, change);
    }
    // What went before a durable change of the same node is overtaken by it, wherever it happened.
    const settled = new Set<TreeNode>();
    const left: NameChange[] = [];
    for (const change of this.#unsynced.toReversed()) {
      if (homeOf(change) === directory) settled.add(change.node);
      else if (!settled.has(change.node)) left.push(change);
    }
    this.#unsynced = left.toReversed();
  }

  /**
   * The tree as a crash leaves it. Each change of names that was not synced survives with that probability, but
   * never without an earlier one of the same file. Files are what their own `survivor` says.
   */
  survivor(survival: number, random: SimRandom): NameTree {
    const views = new Map<DirectoryNode, Map<string, TreeNode>>();
    const view = (directory: DirectoryNode): Map<string, TreeNode> => {
      let names = views.get(directory);
      if (names === undefined) {
        names = new Map(directory.durable);
        views.set(directory, names);
      }
      return names;
    };
    const lost = new Set<TreeNode>();
    for (const change of this.#unsynced) {
      if (!lost.has(change.node) && random.chance(survival)) applyTo(view, change);
      else lost.add(change.node);
    }
    const tree = new NameTree();
    const copy = (from: DirectoryNode, to: DirectoryNode): void => {
      for (const [name, node] of view(from)) {
        const twin = node.type === 'file' ? node.survivor(survival, random) : new DirectoryNode();
        if (node.type === 'directory') copy(node, twin as DirectoryNode);
        to.current.set(name, twin);
        to.durable.set(name, twin);
      }
    };
    copy(this.root, tree.root);
    return tree;
  }

  #change(change: NameChange): void {
    applyTo((directory) => directory.current, change);
    this.#unsynced.push(change);
  }
}
