import { ByteWriter } from '../commands/byte-writer.ts';
import { commandType } from '../commands/format.ts';
import { writeRefuse, writeStreamedHead } from '../commands/stream-encoder.ts';
import { streamedType } from '../commands/streamed.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { QueueConsumer } from '../dispatch/queue-consumer.ts';
import type { Proposer } from '../proposer.ts';
import type { Refusal } from '../requests.ts';
import type { NodeMessage, SessionKey, SettlementGroup } from '../stream/messages.ts';
import { forgetRefused, noteRefused } from '../stream/refused-sessions.ts';
import type { StreamRules } from '../stream/stream-rules.ts';
import type { AttachedNode } from './attached-node.ts';
import { behindRefused, notHeld } from './refusals.ts';
import type { SettlementWriter } from './settlement-writer.ts';
import type { StoreLimits } from './store-limits.ts';

type Propose = Extract<NodeMessage, { type: 'propose' }>;
type Settle = Extract<NodeMessage, { type: 'settle' }>;
type Commit = Extract<NodeMessage, { type: 'commit' }>;

/** `later`: the log takes nothing now, and nothing was done. `broken`: it does not fit in the stream. */
export type Taken = 'taken' | 'later' | 'broken';

/** Numbers of one session, one behind the other, that are refused for one reason. */
interface Refused {
  readonly session: SessionKey;
  readonly number: number;
  through: number;
  readonly refusal: Refusal;
}

const scratchBytesKept = 1024 * 1024;

/** Brings the numbered commands of nodes into the log, once each and in order, and those that may not be there as refused. */
export class StreamProposals {
  readonly #rules: StreamRules;
  readonly #proposer: Proposer;
  readonly #dispatcher: Dispatcher;
  readonly #limits: StoreLimits;
  readonly #settlements: SettlementWriter;
  readonly #scratch = new ByteWriter(scratchBytesKept);

  constructor(
    rules: StreamRules,
    proposer: Proposer,
    dispatcher: Dispatcher,
    limits: StoreLimits,
    settlements: SettlementWriter,
  ) {
    this.#rules = rules;
    this.#proposer = proposer;
    this.#dispatcher = dispatcher;
    this.#limits = limits;
    this.#settlements = settlements;
  }

  propose(end: AttachedNode, { number, over, commands: all, sessions }: Propose): Taken {
    const commands = this.#untaken(end, number, all, all.length);
    if (commands === null) return 'broken';
    if (commands.length === 0) return 'taken';
    if (!areNext(end, commands, commandType.enqueue)) return 'broken';
    forgetRefused(end.refused, over);
    if (end.refused.size > 0 || !this.#limits.admitsAll(commands)) {
      return this.#proposeWhatMay(end, commands, sessions.slice(all.length - commands.length), over);
    }
    if (this.#proposer.propose(commands) === null) return 'later';
    end.number += commands.length;
    for (const command of commands) this.#limits.proposed(command);
    return 'taken';
  }

  settle(end: AttachedNode, { number, groups }: Settle): Taken {
    if (number <= end.number) return 'taken';
    if (!this.#rules.takesNumber(end.number, number)) return 'broken';
    this.#scratch.clear();
    writeStreamedHead(this.#scratch, end.epoch, number, commandType.settle);
    const begun: SettlementGroup[] = [];
    for (const group of groups) {
      const positions = this.#beginSettling(end, group);
      if (positions.length === 0) continue;
      begun.push({ ...group, positions });
      this.#settlements.write(this.#scratch, group, positions, consumerOf(end, group));
    }
    return this.#proposed(end, [this.#written(0)], number, begun);
  }

  /** All of it, or a refusal of the whole. */
  commit(end: AttachedNode, { number, session, over, commands: all, groups }: Commit): Taken {
    const last = number + all.length;
    const commands = this.#untaken(end, number, all, all.length + 1);
    if (commands === null) return 'broken';
    if (end.number >= last) return 'taken';
    if (!areNext(end, commands, commandType.transactionPart)) return 'broken';
    forgetRefused(end.refused, over);
    const refusal = this.#rules.refusesBehind(end.refused.has(session))
      ? behindRefused()
      : this.#refusalOfParts(commands);
    if (refusal !== null) return this.#refuse(end, session, last, refusal, over);
    const begun: SettlementGroup[] = [];
    for (const group of groups) {
      const positions = this.#beginSettling(end, group);
      begun.push({ ...group, positions });
      if (positions.length === group.positions.length) continue;
      this.#undo(begun);
      return this.#refuse(end, session, last, notHeld(), over);
    }
    this.#scratch.clear();
    writeStreamedHead(this.#scratch, end.epoch, last, commandType.transactionEnd);
    this.#scratch.number(all.length);
    for (const group of groups) {
      this.#settlements.write(this.#scratch, group, group.positions, consumerOf(end, group));
    }
    const taken = this.#proposed(end, [...commands, this.#written(0)], last, begun);
    if (taken === 'taken') for (const command of commands) this.#limits.proposed(command);
    return taken;
  }

  /** Those that were not taken before; null: the first of them is not the next one. `count`: how many numbers there are. */
  #untaken(
    end: AttachedNode,
    number: number,
    commands: readonly Uint8Array[],
    count: number,
  ): readonly Uint8Array[] | null {
    const known = Math.min(count, Math.max(0, end.number + 1 - number));
    if (known < count && !this.#rules.takesNumber(end.number, number + known)) return null;
    return known === 0 ? commands : commands.slice(known);
  }

  /** Near a limit, or with refused sessions: each one is looked at, and those that may not be in the log are refused in their place. */
  #proposeWhatMay(
    end: AttachedNode,
    commands: readonly Uint8Array[],
    sessions: readonly SessionKey[],
    over: number,
  ): Taken {
    const before = { messages: 0, bytes: 0 };
    const decided: (Uint8Array | Refused)[] = [];
    const newly = new Set<SessionKey>();
    for (const [i, command] of commands.entries()) {
      const session = sessions[i]!;
      const number = end.number + 1 + i;
      const isBehind = this.#rules.refusesBehind(end.refused.has(session) || newly.has(session));
      const refusal = isBehind ? behindRefused() : this.#limits.refusalOf(command, before);
      if (refusal === null) {
        decided.push(command);
        continue;
      }
      newly.add(session);
      const last = decided.at(-1);
      if (last !== undefined && 'refusal' in last && continues(last, session, refusal)) last.through = number;
      else decided.push({ session, number, through: number, refusal });
    }
    const proposals = decided.map((one) => ('refusal' in one ? refuseCommand(end, one, over) : one));
    if (this.#proposer.propose(proposals) === null) return 'later';
    end.number += commands.length;
    for (const one of decided) {
      if ('refusal' in one) noteRefused(end.refused, one.session, one.through);
      else this.#limits.proposed(one);
    }
    return 'taken';
  }

  #refusalOfParts(commands: readonly Uint8Array[]): Refusal | null {
    if (commands.length === 0 || this.#limits.admitsAll(commands)) return null;
    const before = { messages: 0, bytes: 0 };
    for (const command of commands) {
      const refusal = this.#limits.refusalOf(command, before);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** All numbers up to `through`. */
  #refuse(end: AttachedNode, session: SessionKey, through: number, refusal: Refusal, over: number): Taken {
    const command = refuseCommand(end, { session, number: end.number + 1, through, refusal }, over);
    const taken = this.#proposed(end, [command], through, []);
    if (taken === 'taken') noteRefused(end.refused, session, through);
    return taken;
  }

  #proposed(
    end: AttachedNode,
    commands: readonly Uint8Array[],
    last: number,
    begun: readonly SettlementGroup[],
  ): Taken {
    if (this.#proposer.propose(commands) === null) {
      this.#undo(begun);
      return 'later';
    }
    end.number = last;
    return 'taken';
  }

  /** Returns those of the group's positions that may be settled: the group's own list where all may. */
  #beginSettling(end: AttachedNode, group: SettlementGroup): readonly number[] {
    const { destination, positions } = group;
    const consumer = consumerOf(end, group);
    let admitted: number[] | null = null;
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i]!;
      const may = this.#dispatcher.beginSettling(consumer, destination, position);
      if (!may) admitted ??= positions.slice(0, i);
      else admitted?.push(position);
    }
    return admitted ?? positions;
  }

  #undo(begun: readonly SettlementGroup[]): void {
    for (const { destination, positions } of begun) {
      for (const position of positions) this.#dispatcher.undoSettling(destination, position);
    }
  }

  #written(from: number): Uint8Array {
    return this.#scratch.view(from, this.#scratch.length);
  }
}

/** The session's next command, which follows at once, is refused for the same reason. */
function continues(run: Refused, session: SessionKey, refusal: Refusal): boolean {
  return run.session === session && run.refusal.message === refusal.message;
}

function refuseCommand({ epoch }: AttachedNode, { refusal, ...refused }: Refused, over: number): Uint8Array {
  const out = new ByteWriter(0);
  writeRefuse(out, { epoch, ...refused, over }, refusal);
  return out.view(0, out.length);
}

/** They are whole commands of that type, and have the next numbers of the stream. */
function areNext({ epoch, number }: AttachedNode, commands: readonly Uint8Array[], type: number): boolean {
  for (let i = 0; i < commands.length; i++) {
    if (streamedType(commands[i]!, epoch, number + 1 + i) !== type) return false;
  }
  return true;
}

/** Null: it is gone, or was never heard of. */
function consumerOf({ consumers }: AttachedNode, { consumer }: SettlementGroup): QueueConsumer | null {
  return consumers.get(consumer) ?? null;
}
