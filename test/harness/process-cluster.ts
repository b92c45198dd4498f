import { execFileSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { NodeStatus } from '@lockstep/broker';

import { freePorts } from './free-ports.ts';
import { PeerWires } from './peer-wires.ts';
import { spawnProgram } from './program-runs.ts';
import { until } from './until.ts';

/** One `lockstep start` process, which may die and come back with the same data and ports. */
export interface ProcessNode {
  readonly id: string;
  readonly stompPort: number;
  readonly wsPort: number;
  readonly adminPort: number;
  readonly peerPort: number;
  readonly data: string;
  /** For this node alone. */
  readonly flags: readonly string[];
  process: ChildProcess | null;
}

export interface ProcessClusterOptions {
  readonly nodes?: number;
  /** Further flags for every `lockstep start`. */
  readonly flags?: readonly string[];
  /** A configuration file for all of them, as YAML. */
  readonly config?: string;
  /** Further flags for each node; called once, before it is started first. The directory is the cluster's. */
  readonly flagsOf?: (id: string, directory: string) => Promise<readonly string[]>;
  /** Each node's data directory is a file system of its own, of so many bytes. Only where `mayMount`. */
  readonly dataBytes?: number;
  /** What the nodes say to each other can be cut (`wires`). A dead node's port is not refused then. */
  readonly wired?: boolean;
}

type FourPorts = [number, number, number, number];

/** May this user mount file systems? */
export function mayMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'lockstep-mount-'));
  try {
    mountMemory(place, 65_536);
    unmount(place);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(place);
  }
}

function mountMemory(directory: string, bytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', directory], { stdio: 'pipe' });
}

function unmount(directory: string): void {
  execFileSync('umount', [directory], { stdio: 'pipe' });
}

/** Real nodes as real processes on loopback, on a real disk. */
export class ProcessCluster {
  /** Those that were added since, too. */
  readonly nodes: ProcessNode[];
  readonly directory: string;
  readonly #flags: readonly string[];
  readonly #mounted: boolean;
  /** Who founds it. */
  readonly #founders: string;
  /** Between the nodes, if it was asked for. */
  readonly wires: PeerWires | null;

  private constructor(
    directory: string,
    nodes: ProcessNode[],
    flags: readonly string[],
    mounted: boolean,
    wires: PeerWires | null,
  ) {
    this.#mounted = mounted;
    this.wires = wires;
    this.directory = directory;
    this.nodes = nodes;
    this.#flags = flags;
    this.#founders = nodes.map(({ id, peerPort }) => `${id}=127.0.0.1:${wires?.ports.get(id) ?? peerPort}`).join(',');
  }

  /** Resolves when a master serves. */
  static async start(options: ProcessClusterOptions = {}): Promise<ProcessCluster> {
    const count = options.nodes ?? 3;
    const directory = await mkdtemp(join(tmpdir(), 'lockstep-cluster-'));
    const ports = await freePorts(count * 4);
    const nodes: ProcessNode[] = [];
    for (let i = 0; i < count; i++) {
      const id = String.fromCodePoint('a'.codePointAt(0)! + i);
      const [stompPort, wsPort, adminPort, peerPort] = ports.slice(i * 4, i * 4 + 4) as FourPorts;
      const flags = (await options.flagsOf?.(id, directory)) ?? [];
      const data = join(directory, id);
      if (options.dataBytes !== undefined) {
        await mkdir(data);
        mountMemory(data, options.dataBytes);
      }
      nodes.push({ id, stompPort, wsPort, adminPort, peerPort, data, flags, process: null });
    }
    const flags = [...(options.flags ?? [])];
    if (options.config !== undefined) {
      const file = join(directory, 'lockstep.yaml');
      await writeFile(file, options.config);
      flags.push('--config', file);
    }
    const wires = options.wired === true ? await PeerWires.open(nodes) : null;
    const cluster = new ProcessCluster(directory, nodes, flags, options.dataBytes !== undefined, wires);
    for (const node of nodes) cluster.revive(node);
    await cluster.master();
    return cluster;
  }

  get failoverUri(): string {
    return `failover:(${this.nodes.map((node) => `tcp://127.0.0.1:${node.stompPort}`).join(',')})`;
  }

  /** Starts a node that no other knows yet; it knows itself and one that runs. */
  async join(id: string, flags: readonly string[] = []): Promise<ProcessNode> {
    const [stompPort, wsPort, adminPort, peerPort] = (await freePorts(4)) as FourPorts;
    const known = this.nodes.find((node) => node.process !== null) ?? this.nodes[0]!;
    const members = `${id}=127.0.0.1:${peerPort},${known.id}=127.0.0.1:${known.peerPort}`;
    const own = ['--members', members, ...flags];
    const data = join(this.directory, id);
    const node = { id, stompPort, wsPort, adminPort, peerPort, data, flags: own, process: null };
    this.nodes.push(node);
    this.revive(node);
    return node;
  }

  /** Starts a node that is down. Its output is appended to `<data>.log`. The last of a flag given twice counts. */
  revive(node: ProcessNode, more: readonly string[] = []): void {
    if (node.process !== null) throw new Error(`node ${node.id} is running`);
    const args = ['start', '--data', node.data, '--node', node.id, '--broker', 'test'];
    args.push(
      '--stomp',
      `127.0.0.1:${node.stompPort}`,
      '--ws',
      `127.0.0.1:${node.wsPort}`,
      '--admin',
      `127.0.0.1:${node.adminPort}`,
    );
    if (this.nodes.length > 1) args.push('--peer-listen', `127.0.0.1:${node.peerPort}`, '--members', this.#founders);
    const child = spawnProgram([...args, ...this.#flags, ...node.flags, ...more]);
    const output = createWriteStream(`${node.data}.log`, { flags: 'a' });
    child.stdout.pipe(output, { end: false });
    child.stderr.pipe(output, { end: false });
    child.once('exit', () => {
      if (node.process === child) node.process = null;
    });
    // Later than its end: its last lines, which say why it ended, may still be on their way.
    child.once('close', () => output.end());
    node.process = child;
  }

  /** Resolves when the process is gone. */
  async kill(node: ProcessNode, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = node.process;
    if (child === null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
    node.process = null;
  }

  /** SIGSTOP, SIGCONT. */
  signal(node: ProcessNode, signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (node.process === null) throw new Error(`node ${node.id} is down`);
    node.process.kill(signal);
  }

  /** Null when the node does not answer within that time: the default suits those who ask again; a node that is known to run gets longer. */
  async status(node: ProcessNode, waitMs: number = 500): Promise<NodeStatus | null> {
    if (node.process === null) return null;
    try {
      const response = await fetch(`http://127.0.0.1:${node.adminPort}/api/v1/status`, {
        signal: AbortSignal.timeout(waitMs),
      });
      return response.ok ? ((await response.json()) as NodeStatus) : null;
    } catch {
      return null;
    }
  }

  async #ready(node: ProcessNode): Promise<boolean> {
    if (node.process === null) return false;
    try {
      const url = `http://127.0.0.1:${node.adminPort}/readyz`;
      return (await fetch(url, { signal: AbortSignal.timeout(500) })).ok;
    } catch {
      return false;
    }
  }

  /** The node that serves as master, as soon as there is one; `except` is not asked. */
  async master(except?: ProcessNode): Promise<ProcessNode> {
    return until('a master that serves', async () => {
      for (const node of this.nodes) {
        if (node === except) continue;
        const status = await this.status(node);
        if (status?.role === 'master' && (await this.#ready(node))) return node;
      }
      return null;
    });
  }

  /** Resolves when every running node, but for witnesses, says that it can take clients, and all agree on the master. */
  async settled(): Promise<ProcessNode> {
    return until('all nodes to agree on a master', async () => {
      const running = this.nodes.filter((node) => node.process !== null);
      const statuses = await Promise.all(running.map(async (node) => this.status(node)));
      const master = statuses[0]?.master;
      if (master === null || master === undefined) return null;
      if (statuses.some((status) => status === null || status.master !== master)) return null;
      const serving = running.filter((_, i) => statuses[i]?.role !== 'witness');
      if (!(await Promise.all(serving.map(async (node) => this.#ready(node)))).every(Boolean)) return null;
      return running.find((node) => node.id === master) ?? null;
    });
  }

  /** Ends all nodes and removes their data, unless `keep`. */
  async stop(keep = false): Promise<void> {
    for (const node of this.nodes) if (node.process !== null) node.process.kill('SIGCONT');
    await Promise.all(this.nodes.map(async (node) => this.kill(node)));
    await this.wires?.close();
    if (this.#mounted) for (const { data } of this.nodes) unmount(data);
    if (!keep) await rm(this.directory, { recursive: true, force: true });
  }
}
