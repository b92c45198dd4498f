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

/**
 * Resolves when every microtask has run, however many follow from one another: Node begins its queue of ticks only once that of
 * microtasks is empty. The detour over a microtask makes it so for a caller that is not in one. It costs a tenth of a turn of the
 * host's loop, and serves as well, since code under test waits for nothing of the host.
 */
function microtasksDone(): Promise<void> {
  return new Promise((resolve) => {
    queueMicrotask(() => process.nextTick(resolve));
  });
}

function hostTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
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
    assert(delayMs >= 0, `${label}: an event in the past`);
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
  async step(): Promise<boolean> {
    assert(!this.#stepping, 'the simulation is already being run');
    this.#stepping = true;
    try {
      if (this.#ran >= this.#nextHostTurn) {
        this.#nextHostTurn = this.#ran + eventsPerHostTurn;
        await hostTurn();
      }
      if (this.#turnEnd.length > 0) await this.#endTurn();
      let event = this.#next();
      if (event === undefined) return false;
      for (;;) {
        this.#run(event);
        await microtasksDone();
        const following: SimEvent | undefined = this.#queue.peek();
        if (following === undefined || following.at !== event.at || following.owner !== event.owner) break;
        if (event.owner === null || event.owner.state !== 'running') break;
        event = this.#next();
        if (event === undefined) break;
      }
      await this.#endTurn();
      return true;
    } finally {
      this.#stepping = false;
    }
  }

  /**
   * Runs until the goal is reached: a time, or a condition that is looked at after each step. False when nothing is
   * left to happen, or `limitMs` of simulated time has passed, before a condition came true.
   */
  async runUntil(goal: number | (() => boolean), limitMs: number = Infinity): Promise<boolean> {
    await microtasksDone();
    if (typeof goal === 'number') {
      while (this.#dueBy(goal)) await this.step();
      this.#nowMs = Math.max(this.#nowMs, goal);
      return true;
    }
    const end = this.#nowMs + limitMs;
    while (!goal()) {
      if (!this.#dueBy(end) || !(await this.step())) return goal();
    }
    return true;
  }

  /**
   * Makes time pass until `work` is done, and gives its result. `work` must not step the simulation itself.
   * @throws Error when nothing is left to happen and `work` still waits.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    const result = work();
    result.then(settle, settle);
    await microtasksDone();
    while (!settled) {
      if (await this.step()) continue;
      await microtasksDone();
      if (!settled && this.#queue.size === 0 && this.#turnEnd.length === 0) {
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
    this.note(event.label, event.order);
    const run = event.run;
    event.run = null;
    run?.();
  }

  async #endTurn(): Promise<void> {
    while (this.#turnEnd.length > 0) {
      const calls = this.#turnEnd;
      this.#turnEnd = [];
      for (const { owner, callback } of calls) {
        if (owner.state === 'running') callback();
        else if (owner.state === 'paused') owner.hold(() => this.atTurnEnd(owner, callback));
      }
      await microtasksDone();
    }
  }
}
