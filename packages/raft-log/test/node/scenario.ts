import type { NodeId } from '@lockstep/kernel';
import { configurationOf, entryKind } from '../../src/node/index.ts';
import type {
  Configuration,
  Entry,
  MembershipChange,
  RaftInput,
  RaftMessage,
  RaftOptions,
  Standing,
} from '../../src/node/index.ts';
import { configurationText, parseConfiguration } from './configuration-text.ts';
import { batchLines, messageText, statusLine } from './print.ts';
import { emptyDisk, SimMember } from './sim-member.ts';
import type { DiskState } from './sim-member.ts';

/**
 * Pure nodes under the hand of a script: nothing moves but what a command moves. Chance always gives its lowest value (`chance N`
 * changes that), so time-outs are `electionTicks` exactly, here 10; heartbeats come every 3 ticks.
 */
export class Scenario {
  #lines: string[] = [];
  #ids: NodeId[] = [];
  readonly #members = new Map<string, SimMember>();
  readonly #links = new Map<string, RaftMessage[]>();
  readonly #cut = new Set<string>();
  readonly #commits = new Map<string, number>();
  #settings: Partial<RaftOptions> = {};
  #founding: Configuration = configurationOf([]);
  #witnesses = '';
  /** Who was not there at the founding. */
  readonly #newcomers = new Set<string>();
  #chance = 0;
  #quiet = false;

  /** Carries out one command; returns what it printed. */
  command(line: string): string {
    this.#lines = [];
    const [name = '', ...args] = line.split(/\s+/);
    const handler = this.#handlers[name];
    if (handler === undefined) throw new Error(`no such command: ${line}`);
    handler(args);
    return this.#lines.map((text) => `${text}\n`).join('');
  }

  readonly #handlers: Record<string, (args: string[]) => void> = {
    /** set tailBytesMax=20 … : before `cluster`. */
    set: (args) => {
      for (const [key, value] of args.map(pair)) this.#settings = { ...this.#settings, [key]: Number(value) };
    },
    chance: ([value]) => void (this.#chance = Number(value)),
    /** cluster a b c ~c: c is a witness. */
    cluster: (args) => {
      const witnesses = (args.find((arg) => arg.startsWith('~')) ?? '').slice(1);
      this.#witnesses = witnesses;
      this.#ids = args.filter((arg) => !arg.startsWith('~')) as NodeId[];
      this.#founding = { ...configurationOf([...this.#ids]), witnesses: witnesses.split('') as NodeId[] };
      for (const id of this.#ids) this.#start(id, emptyDisk('voter'));
    },
    /** join d [witness]: a node with an empty disk, that knows of nobody. */
    join: ([id, witness]) => {
      this.#ids.push(id as NodeId);
      this.#newcomers.add(id!);
      if (witness !== undefined) this.#witnesses += id;
      this.#start(id!, emptyDisk('abstaining'));
    },
    /** change a add=d add=e:learner add=w:voter:witness remove=b promote=c level=2 */
    change: ([id, ...args]) => {
      const result = this.#members.get(id!)!.node.changeMembership(changeFrom(args));
      if (typeof result === 'number') this.#lines.push(`at ${result}`);
      else this.#lines.push(`refused: ${result.reason}${result.reason === 'invalid' ? `, ${result.detail}` : ''}`);
    },
    read: ([id, context]) => this.#step(id!, { type: 'readIndex', context: Number(context) }),
    members: (ids) => {
      for (const id of ids.length > 0 ? ids : this.#ids) {
        const { configuration, configurationCommitted } = this.#members.get(id)!.node.status;
        const { index } = configuration;
        const state = configurationCommitted ? '' : ' uncommitted';
        this.#lines.push(`${id}: ${configurationText(configuration.configuration)} of ${index}${state}`);
      }
    },
    /** node a log=1,1,2:abd<abc,2 term=2 vote=b abstaining: found on its disk; the log is the terms of its entries, and configurations. */
    node: ([id, ...args]) => this.#start(id!, recoveredFrom(args)),
    /** One input of that many ticks. */
    tick: ([id, ticks]) => this.#step(id!, { type: 'tick', ticks: Number(ticks ?? 1) }),
    /** That many inputs of one tick, for each node named. */
    ticks: ([ids, count]) => {
      for (let at = 0; at < Number(count); at += 1)
        for (const id of ids!.split(',')) this.#step(id, { type: 'tick', ticks: 1 });
    },
    propose: ([id, ...payloads]) => {
      const bytes = payloads.map((text) => Uint8Array.from(text, (letter) => letter.codePointAt(0)!));
      const result = this.#members.get(id!)!.node.propose(bytes);
      this.#lines.push(typeof result === 'number' ? `at ${result}` : `refused: ${result.reason}`);
    },
    flush: ([id]) => this.#flush(id!),
    down: ([id, peer]) => this.#step(id!, { type: 'peerDown', peer: peer as NodeId }),
    up: ([id, peer]) => this.#step(id!, { type: 'peerUp', peer: peer as NodeId }),
    /** posted a b c: those are told of commits at once. */
    posted: ([id, ...peers]) => this.#step(id!, { type: 'keepPosted', peers: new Set(peers as NodeId[]) }),
    transfer: ([id, to]) => this.#step(id!, { type: 'transfer', to: (to ?? null) as NodeId | null }),
    /** deliver a>b [count|all]: in order. `take a>b 2`: the second one, leaving the others. */
    deliver: ([link, count]) => {
      const many = count === 'all' ? this.#queue(link!).length : Number(count ?? 1);
      for (let at = 0; at < many; at += 1) this.#deliver(link!, 0);
    },
    take: ([link, nth]) => this.#deliver(link!, Number(nth) - 1),
    /** Repeats the first one without taking it off. */
    duplicate: ([link]) => this.#step(link!.split('>')[1]!, { type: 'receive', message: this.#queue(link!)[0]! }),
    drop: ([link]) => void (this.#queue(link!).length = 0),
    waiting: ([link]) => this.#lines.push(...this.#queue(link!).map(messageText)),
    cut: ([a, b]) => void this.#cut.add(`${a}>${b}`).add(`${b}>${a}`),
    heal: () => this.#cut.clear(),
    /** The oldest batches reach the disk; all of them without a count. */
    persist: ([id, count]) => {
      const member = this.#members.get(id!)!;
      for (let left = Number(count ?? member.unwritten.length); left > 0; left -= 1) this.#persist(id!);
    },
    /** Delivers and writes until nothing moves, without a word: all, or only what concerns those named. */
    run: (ids) => this.#run(ids.length > 0 ? ids : this.#ids),
    status: (ids) => {
      for (const id of ids.length > 0 ? ids : this.#ids) {
        const { node } = this.#members.get(id)!;
        this.#lines.push(statusLine(node.status, node.serving));
      }
    },
    /** What was not on disk is gone. */
    crash: ([id]) => this.#start(id!, this.#members.get(id!)!.disk),
    wipe: ([id]) => {
      for (const other of this.#ids) this.#queue(`${id}>${other}`).length = this.#queue(`${other}>${id}`).length = 0;
      this.#start(id!, emptyDisk('abstaining'));
    },
    compact: ([id, index]) => {
      const member = this.#members.get(id!)!;
      member.snapshotTaken(Number(index), member.diskTermAt(Number(index))!, 0);
      member.node.applied(Number(index));
    },
    /** The journal answers a read with entries `from` … */
    answer: ([id, peer, from, to]) => {
      this.#answer(this.#members.get(id!)!, peer as NodeId, Number(from), Number(to ?? from));
      this.#flush(id!);
    },
    applied: ([id, index]) => this.#members.get(id!)!.node.applied(Number(index)),
    /** snapshot a>b 5.2 t3 : a's snapshot has arrived. */
    snapshot: ([link, at, term]) => {
      const [from, to] = link!.split('>') as [NodeId, NodeId];
      const [index, snapshotTerm] = at!.split('.').map(Number) as [number, number];
      const { configuration } = this.#members.get(from)!.disk;
      this.#step(to, {
        type: 'snapshotReceived',
        from,
        term: Number(term!.slice(1)),
        index,
        snapshotTerm,
        configuration,
      });
    },
    sent: ([id, peer, index, outcome]) => {
      const delivered = outcome === 'delivered';
      this.#step(id!, { type: 'snapshotSent', peer: peer as NodeId, index: Number(index), delivered });
    },
  };

  #start(id: string, disk: DiskState): void {
    const random = {
      fraction: (): number => 0,
      below: (bound: number): number => Math.min(this.#chance, bound - 1),
      bytes: (length: number): Uint8Array => new Uint8Array(length),
    };
    const settings = {
      electionTicks: 10,
      heartbeatTicks: 3,
      appendBytesMax: 100,
      inflightBytesMax: 300,
      ...this.#settings,
      witness: this.#witnesses.includes(id),
    };
    const founding = this.#newcomers.has(id) ? configurationOf([]) : this.#founding;
    this.#members.set(id, new SimMember(id as NodeId, founding, disk, random, 'none', settings));
    this.#commits.set(id, disk.snapshotIndex);
  }

  #queue(link: string): RaftMessage[] {
    let queue = this.#links.get(link);
    if (queue === undefined) this.#links.set(link, (queue = []));
    return queue;
  }

  #step(id: string, input: RaftInput): void {
    this.#members.get(id)!.node.step(input);
    this.#flush(id);
  }

  #deliver(link: string, at: number): void {
    const [message] = this.#queue(link).splice(at, 1);
    if (message === undefined) throw new Error(`nothing waits on ${link}`);
    this.#step(message.to, { type: 'receive', message });
  }

  #persist(id: string): void {
    const member = this.#members.get(id)!;
    const batch = member.unwritten.shift();
    if (batch === undefined) throw new Error(`${id} has nothing to write`);
    member.write(batch);
    this.#post(batch.sendAfterPersist);
    this.#step(id, { type: 'persisted', batch: batch.id });
  }

  #flush(id: string): void {
    const member = this.#members.get(id)!;
    for (let batch = member.take(); batch !== null; batch = member.take()) {
      if (!this.#quiet) this.#lines.push(...batchLines(id, batch, this.#commits.get(id)!));
      this.#commits.set(id, batch.commitIndex);
      if (this.#quiet) for (const { peer, from, to } of batch.reads) this.#answer(member, peer, from, to);
      this.#post(batch.sendNow);
    }
  }

  #answer(member: SimMember, peer: NodeId, from: number, to: number): void {
    member.node.step({ type: 'entriesRead', peer, from, entries: member.readQueued(from, to) });
  }

  #post(messages: readonly RaftMessage[]): void {
    for (const message of messages) {
      const link = `${message.from}>${message.to}`;
      if (!this.#cut.has(link)) this.#queue(link).push(message);
    }
  }

  #run(ids: readonly string[]): void {
    this.#quiet = true;
    for (const id of ids) this.#flush(id);
    for (let moved = true, rounds = 0; moved; rounds += 1) {
      if (rounds > 1000) throw new Error('this never ends');
      moved = false;
      for (const id of ids) {
        moved ||= this.#members.get(id)!.unwritten.length > 0;
        while (this.#members.get(id)!.unwritten.length > 0) this.#persist(id);
      }
      for (const [link, queue] of this.#links)
        while (ids.includes(link[0]!) && ids.includes(link.at(-1)!) && queue.length > 0) {
          moved = true;
          this.#deliver(link, 0);
        }
    }
    this.#quiet = false;
  }
}

function pair(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function recoveredFrom(args: readonly string[]): DiskState {
  const fields = new Map(args.map(pair));
  const terms = (fields.get('log') ?? '').split(',').filter((term) => term !== '');
  const entries: Entry[] = terms.map((text, at) => entryOf(at + 1, text));
  const standing: Standing = args.includes('abstaining') ? 'abstaining' : 'voter';
  const term = Number(fields.get('term') ?? terms.at(-1)?.split(':')[0] ?? 0);
  const hardState = { term, votedFor: (fields.get('vote') ?? null) as NodeId | null, standing };
  return { ...emptyDisk(standing), hardState, entries };
}

/** `2`: a command of term 2. `2:abd<abc`: a configuration. */
function entryOf(index: number, text: string): Entry {
  const [digits, configuration] = text.split(':');
  const term = Number(digits);
  const record = new Uint8Array(4).fill(term);
  if (configuration === undefined) return { index, term, kind: entryKind.command, record };
  return { index, term, kind: entryKind.configuration, record, configuration: parseConfiguration(configuration) };
}

function changeFrom(args: readonly string[]): MembershipChange {
  const named = (what: string): string[] => args.filter((arg) => arg.startsWith(`${what}=`)).map((arg) => pair(arg)[1]);
  const add = named('add').map((text) => {
    const [id, role = 'voter', witness] = text.split(':');
    return { id: id as NodeId, role: role as 'voter' | 'learner', witness: witness !== undefined, address: `${id}:1` };
  });
  const level = named('level').map(Number)[0];
  const change = { add, remove: named('remove') as NodeId[], promote: named('promote') as NodeId[] };
  return level === undefined ? change : { ...change, level };
}
