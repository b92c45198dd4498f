import { get } from 'node:http';
import { join } from 'node:path';

import { clusterUri, nodeArguments } from './cluster-layout.ts';
import type { NodeLayout } from './cluster-layout.ts';
import { ClusterView } from './cluster-view.ts';
import { parseNodeLine, showNodeLine } from './log-lines.ts';
import { NodeProcess } from './node-process.ts';

/** How often each node is asked for its role, beside what its log says at once. */
const ASK_MS = 500;
const STOP_PATIENCE_MS = 8_000;
const SHOWN_LEVELS = new Set(['warn', 'error', 'fatal']);

export interface LocalClusterOptions {
  /** The program and what comes before a node's own arguments. */
  readonly command: readonly [string, ...string[]];
  readonly layout: readonly NodeLayout[];
  readonly data: string;
  readonly say: (line: string) => void;
  /** For the first time, some node serves as master. */
  readonly onReady: () => void;
  /** A node could not even start; what it said is the reason. */
  readonly onStartFailure: (reason: string) => void;
}

interface Member {
  readonly layout: NodeLayout;
  process: NodeProcess;
  /** It has been ready once, so that its end is an event and not a failed start. */
  hasBeenReady: boolean;
  /** Lines that were no log lines: what a failed start says. */
  readonly plainLines: string[];
}

/** The nodes of a logical broker as processes of this machine. */
export class LocalCluster {
  readonly #options: LocalClusterOptions;
  readonly #view: ClusterView;
  readonly #members = new Map<string, Member>();
  readonly #asking: NodeJS.Timeout;
  #ready = false;
  #stopping = false;

  constructor(options: LocalClusterOptions) {
    this.#options = options;
    this.#view = new ClusterView(
      options.layout.map(({ id }) => id),
      () => performance.now(),
    );
    for (const layout of options.layout) {
      const process = this.#spawn(layout);
      this.#members.set(layout.id, { layout, process, hasBeenReady: false, plainLines: [] });
    }
    this.#asking = setInterval(() => this.#askAll(), ASK_MS);
  }

  get uri(): string {
    return clusterUri(this.#options.layout);
  }

  /** The node that serves as master just now. */
  get master(): string | null {
    return this.#view.master;
  }

  get summary(): string {
    return this.#view.summary;
  }

  /** SIGKILL to the master. */
  async killMaster(): Promise<void> {
    const member = this.#master('kill');
    if (member === null) return;
    const { id } = member.layout;
    this.#say(this.#view.changed(id, 'down', 'was killed (SIGKILL)'));
    await member.process.kill();
  }

  /** SIGSTOP to the master. */
  pauseMaster(): void {
    const member = this.#master('pause');
    if (member === null) return;
    member.process.pause();
    this.#say(this.#view.changed(member.layout.id, 'paused', 'was paused (SIGSTOP)'));
  }

  /** Starts what is down, wakes what is paused. */
  async revive(): Promise<void> {
    const asleep = this.#view.nodes.filter(({ condition }) => condition === 'down' || condition === 'paused');
    if (asleep.length === 0) this.#say('all nodes are up');
    for (const { id, condition } of asleep) {
      const member = this.#members.get(id) as Member;
      if (condition === 'paused') {
        member.process.resume();
        this.#say(this.#view.changed(id, 'running', 'goes on (SIGCONT)'));
      } else {
        // Its end must have been seen before there is another process of that name.
        await member.process.kill();
        if (this.#stopping) return;
        member.process = this.#spawn(member.layout);
        this.#say(this.#view.changed(id, 'starting', 'is started again'));
      }
    }
  }

  /** All nodes, cleanly. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#asking);
    await Promise.all([...this.#members.values()].map(({ process }) => process.stop(STOP_PATIENCE_MS)));
  }

  #say(line: string | null): void {
    if (line !== null) this.#options.say(line);
  }

  #master(verb: string): Member | null {
    const id = this.#view.master;
    if (id === null) this.#say(`there is no master to ${verb} just now`);
    return id === null ? null : (this.#members.get(id) as Member);
  }

  #spawn(layout: NodeLayout): NodeProcess {
    const { id } = layout;
    const { command, data } = this.#options;
    return new NodeProcess({
      command,
      args: nodeArguments(layout, this.#options.layout, join(data, id)),
      logFile: join(data, `${id}.log`),
      onLine: (text) => this.#line(id, text),
      onExit: (how) => this.#exited(id, how),
    });
  }

  #line(id: string, text: string): void {
    const member = this.#members.get(id) as Member;
    const line = parseNodeLine(text);
    if (line === null) {
      member.plainLines.push(text);
      if (member.hasBeenReady) this.#say(`${id}: ${text}`);
      return;
    }
    if (line.message === 'ready') {
      member.hasBeenReady = true;
      member.plainLines.length = 0;
    }
    if (line.message === 'ready' || line.message === 'role') {
      this.#heard(id, line.fields['role'], line.fields['master']);
    } else if (SHOWN_LEVELS.has(line.level) && !this.#stopping) {
      this.#say(`${id}: ${line.level}: ${showNodeLine(line)}`);
    }
  }

  #heard(id: string, role: unknown, master: unknown): void {
    if (typeof role !== 'string' || this.#stopping) return;
    this.#say(this.#view.roleHeard(id, role, typeof master === 'string' ? master : null));
    if (this.#ready || this.#view.master === null) return;
    this.#ready = true;
    this.#options.onReady();
  }

  #exited(id: string, how: string): void {
    const member = this.#members.get(id) as Member;
    if (this.#stopping || this.#view.node(id).condition === 'down') return;
    if (!member.hasBeenReady) {
      this.#options.onStartFailure(`node ${id} did not start: it ${how}\n${member.plainLines.join('\n')}`.trim());
      return;
    }
    this.#say(this.#view.changed(id, 'down', how));
  }

  #askAll(): void {
    for (const { id, condition } of this.#view.nodes) {
      const member = this.#members.get(id);
      if (condition === 'running' && member !== undefined) this.#ask(member.layout);
    }
  }

  #ask({ id, admin }: NodeLayout): void {
    const request = get(`http://${admin}/api/v1/status`, { timeout: ASK_MS, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', () => {});
      response.on('end', () => {
        if (response.statusCode !== 200) return;
        const { role, master } = JSON.parse(text) as { role?: unknown; master?: unknown };
        this.#heard(id, role, master);
      });
    });
    // A node that does not answer is not news: its process, its log and the other nodes tell.
    request.on('timeout', () => request.destroy()).on('error', () => {});
  }
}
