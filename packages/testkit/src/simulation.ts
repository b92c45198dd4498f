import { assert } from '@lockstep/kernel';

import { EventQueue } from './event-queue.ts';
import { hashText, SimRandom } from './random.ts';

/** Whose event it is: a process that may be stopped or gone when its time comes. */
export interface EventOwner {
  readonly state: 'running' | 'paused' | 'dead';
  /** Takes an event that came due while the owner was paused; it is run by `again` once that is over. */
  hold(again: () => void): void;
}

export interface ScheduledEvent {
  /** After this it does not run. Harmless when it has. */
  cancel(): void;
}

class SimEvent implements ScheduledEvent {
  readonly at: number;
  readonly order: number;
  readonly label: string;
  readonly owner: EventOwner | null;
  run: (() => void) | null;

  constructor(at: number, order: number, label: string, owner: EventOwner | null, run: () => void) {
    this.at = at;
    this.order = order;
    this.label = label;
    this.owner = owner;
    this.run = run;
  }

  cancel(): void {
    this.run = null;
  }
}

interface TurnEndCall {
  readonly owner: EventOwner;
  readonly callback: () => void;
}

/** So often the host's loop gets a turn of its own, that signals and pipes are not starved by a long simulation. */
const eventsPerHostTurn = 512;

const settled = Promise.resolve();

/**
 * Calls back when every microtask has run, however many follow from one another: Node begins its queue of ticks only once that of
 * microtasks is empty. The detour over a microtask makes it so for a caller that is in a tick itself. It costs a tenth of a turn of the
 * host's loop, and serves as well, since code under test waits for nothing of the host.
 */
function afterMicrotasks(next: () => void): void {
  void settled.then(() => process.nextTick(next));
}

function microtasksDone(): Promise<void> {
  return new Promise(afterMicrotasks);
}

/**
 * One queue of events over simulated time, and the only thing that makes time pass. After each event everything that
 * follows from it in promises has run before the next one begins; then the calls set by `atTurnEnd`. Events of one
 * process at exactly the same time share a turn. The same seed and the same program give the same trace.
 */
export class Simulation {
  readonly seed: number | string;
  readonly random: SimRandom;
  readonly #queue = new EventQueue<SimEvent>();
  readonly #labels = new Map<string, number>();
  #turnEnd: TurnEndCall[] = [];
  #nowMs = 0;
  #made = 0;
  #ran = 0;
  #traceLow = 0x811c9dc5;
  #traceHigh = 0x9e3779b9;
  #stepping = false;
  /** Of the step under way. */
  #phase: 'between steps' | 'events' | 'end of turn' = 'between steps';
  /** The event that ran last in it. */
  #event: SimEvent | null = null;
  /** Undefined: nothing has run in it yet. */
  #stepOwner: EventOwner | null | undefined = undefined;
  #nextHostTurn = eventsPerHostTurn;

  constructor(seed: number | string) {
    this.seed = seed;
    this.random = new SimRandom(seed);
  }

  /** Milliseconds since the simulation began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have run. */
  get eventCount(): number {
    return this.#ran;
  }

  /** The one process that the last step ran anything of; null: several, or the world. */
  get stepOwner(): EventOwner | null {
    return this.#stepOwner ?? null;
  }

  /** Stands for all that has happened so far; equal for equal runs. */
  get traceHash(): string {
    return (this.#traceHigh >>> 0).toString(16).padStart(8, '0') + (this.#traceLow >>> 0).toString(16).padStart(8, '0');
  }

  /** Adds something that happened to the trace. */
  note(label: string, first = 0, second = 0): void {
    let hash = this.#labels.get(label);
    if (hash === undefined) {
      hash = hashText(label);
      this.#labels.set(label, hash);
    }
    const micros = Math.floor(this.#nowMs * 1000);
    let low = Math.imul(this.#traceLow ^ hash, 0x85ebca6b) ^ micros;
    low = Math.imul((low << 13) | (low >>> 19), 0x9e3779b1) ^ first;
    let high = Math.imul(this.#traceHigh ^ low, 0xc2b2ae35) ^ second;
    high = Math.imul((high << 15) | (high >>> 17), 0x27d4eb2f);
    this.#traceLow = low ^ (high >>> 7);
    this.#traceHigh = high;
  }

  /** Lets `run` happen `delayMs` from now, as an event of `owner` (none: of the world, which never stops). */
  schedule(delayMs: number, label: string, owner: EventOwner | null, run: () => void): ScheduledEvent {
    // No text is made where nothing is wrong: once for each event.
    if (!(delayMs >= 0)) assert(false, `${label}: an event in the past`);
    const event = new SimEvent(this.#nowMs + delayMs, this.#made++, label, owner, run);
    this.#queue.push(event);
    return event;
  }

  /** Once this event and what follows from it in promises has run, before the next event. */
  atTurnEnd(owner: EventOwner, callback: () => void): void {
    this.#turnEnd.push({ owner, callback });
  }

  /** Resolves after that much simulated time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(delayMs, 'sleep', null, resolve);
    });
  }

  /** Runs the next event and all that follows from it. False when nothing is left to happen. */
  step(): Promise<boolean> {
    return this.runSteps(() => true);
  }

  /**
   * Steps until `done`, which is asked after each step, says so. False when nothing is left to happen. Rejects with what an event or `done`
   * throws. All steps have one promise between them, so that a step costs little beside what happens in it.
   */
  runSteps(done: () => boolean): Promise<boolean> {
    assert(!this.#stepping, 'the simulation is already being run');
    this.#stepping = true;
    return new Promise((resolve, reject) => {
      const goOn = (): void => {
        try {
          const over = this.#advance(done, goOn);
          if (over === null) return;
          this.#stepping = false;
          resolve(over === 'done');
        } catch (error) {
          this.#stepping = false;
          this.#phase = 'between steps';
          reject(error as Error);
        }
      };
      goOn();
    });
  }

  /**
   * Runs until the goal is reached: a time, or a condition that is looked at after each step. False when nothing is
   * left to happen, or `limitMs` of simulated time has passed, before a condition came true.
   */
  async runUntil(goal: number | (() => boolean), limitMs: number = Infinity): Promise<boolean> {
    await microtasksDone();
    if (typeof goal === 'number') {
      if (this.#dueBy(goal)) await this.runSteps(() => !this.#dueBy(goal));
      this.#nowMs = Math.max(this.#nowMs, goal);
      return true;
    }
    const end = this.#nowMs + limitMs;
    if (goal()) return true;
    let reached = false;
    const look = (): boolean => {
      reached = goal();
      return reached || !this.#dueBy(end);
    };
    if (this.#dueBy(end)) await this.runSteps(look);
    return reached || goal();
  }

  /**
   * Makes time pass until `work` is done, and gives its result. `work` must not step the simulation itself.
   * @throws Error when nothing is left to happen and `work` still waits.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    let isOver = false;
    const settle = (): void => {
      isOver = true;
    };
    const result = work();
    result.then(settle, settle);
    await microtasksDone();
    while (!isOver) {
      if (await this.runSteps(() => isOver)) continue;
      await microtasksDone();
      if (!isOver && this.#queue.size === 0 && this.#turnEnd.length === 0) {
        throw new Error(`seed ${this.seed}: nothing is left to happen, but the work is not done`);
      }
    }
    return result;
  }

  #dueBy(timeMs: number): boolean {
    if (this.#turnEnd.length > 0) return true;
    let event = this.#queue.peek();
    // What will not run must not count: the step taken for it would run a later event, beyond that time.
    while (event !== undefined && (event.run === null || event.owner?.state === 'dead')) {
      this.#queue.pop();
      event = this.#queue.peek();
    }
    return event !== undefined && event.at <= timeMs;
  }

  /** The next event that really runs: neither cancelled, nor of a process that is dead or stopped. */
  #next(): SimEvent | undefined {
    for (let event = this.#queue.pop(); event !== undefined; event = this.#queue.pop()) {
      const { owner, run, label } = event;
      if (run === null || owner?.state === 'dead') continue;
      this.#nowMs = event.at;
      if (owner?.state !== 'paused') return event;
      const held = event;
      owner.hold(() => {
        this.schedule(0, label, owner, () => held.run?.());
      });
    }
    return undefined;
  }

  #run(event: SimEvent): void {
    this.#ran++;
    this.#event = event;
    this.#noteOwner(event.owner);
    this.note(event.label, event.order);
    const run = event.run;
    event.run = null;
    run?.();
  }

  /** Goes on to where microtasks have to run before anything else; `goOn` is called when they have. Else says why there is nothing more to do. */
  #advance(done: () => boolean, goOn: () => void): 'done' | 'idle' | null {
    if (this.#phase === 'events' && !this.#runFollowing()) this.#phase = 'end of turn';
    if (this.#phase === 'end of turn' && !this.#endTurn()) {
      this.#phase = 'between steps';
      const isDone = done();
      this.#stepOwner = undefined;
      if (isDone) return 'done';
    }
    if (this.#phase === 'between steps') {
      if (this.#ran >= this.#nextHostTurn) {
        this.#nextHostTurn = this.#ran + eventsPerHostTurn;
        setImmediate(goOn);
        return null;
      }
      if (!this.#endTurn()) {
        const event = this.#next();
        if (event === undefined) return 'idle';
        this.#phase = 'events';
        this.#run(event);
      }
    }
    afterMicrotasks(goOn);
    return null;
  }

  /** Runs another event of the process that has its turn, if one is due at the same time. */
  #runFollowing(): boolean {
    const [last, following] = [this.#event, this.#queue.peek()];
    if (last === null || following === undefined) return false;
    if (following.at !== last.at || following.owner !== last.owner || last.owner?.state !== 'running') return false;
    const event = this.#next();
    if (event !== undefined) this.#run(event);
    return event !== undefined;
  }

  #noteOwner(owner: EventOwner | null): void {
    if (this.#stepOwner === undefined) this.#stepOwner = owner;
    else if (this.#stepOwner !== owner) this.#stepOwner = null;
  }

  /** Calls what was set for the end of the turn; false when that was nothing. */
  #endTurn(): boolean {
    const calls = this.#turnEnd;
    if (calls.length === 0) return false;
    this.#turnEnd = [];
    for (const { owner, callback } of calls) {
      this.#noteOwner(owner);
      if (owner.state === 'running') callback();
      else if (owner.state === 'paused') owner.hold(() => this.atTurnEnd(owner, callback));
    }
    return true;
  }
}
