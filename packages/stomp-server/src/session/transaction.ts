import type { NewMessage, Settlement } from '@lockstep/core';
import type { Held, Subscription } from './subscription.ts';

type Outcome = Settlement['outcome'];

/** An open transaction: what COMMIT will ask for, and what ABORT gives back. */
export class Transaction {
  readonly id: string;
  readonly sends: { readonly destination: string; readonly message: NewMessage }[] = [];
  /** Frames taken in. */
  frames = 0;
  /** Of the sends' header blocks and bodies. */
  bytes = 0;
  /** Counted for it in the node's budget, bytes. */
  counted = 0;
  /** Set when a message that was acknowledged here has gone back to its queue: then COMMIT can't hold what it promises. */
  brokenBy: string | null = null;
  readonly #settled: { readonly outcome: Outcome; readonly held: readonly Held[] }[] = [];

  constructor(id: string) {
    this.id = id;
  }

  /** Copies the message: its bytes outlive the turn. */
  addSend(destination: string, message: NewMessage): void {
    const { envelope, headerBlock, body, attributes } = message;
    const copy = { envelope, headerBlock: new Uint8Array(headerBlock), body: new Uint8Array(body), attributes };
    this.sends.push({ destination, message: copy });
    this.bytes += headerBlock.length + body.length;
  }

  addSettled(outcome: Outcome, held: readonly Held[]): void {
    this.#settled.push({ outcome, held });
  }

  get isEmpty(): boolean {
    return this.sends.length === 0 && this.#settled.length === 0;
  }

  /** All that was acknowledged in it, by subscription. */
  bySubscription(): Map<Subscription, Held[]> {
    const groups = new Map<Subscription, Held[]>();
    for (const { held } of this.#settled) {
      for (const one of held) {
        const group = groups.get(one.subscription);
        if (group === undefined) groups.set(one.subscription, [one]);
        else group.push(one);
      }
    }
    return groups;
  }

  /** One settlement for each subscription and outcome. */
  settlements(): Settlement[] {
    const groups = new Map<string, { subscription: number; outcome: Outcome; tags: number[] }>();
    for (const { outcome, held } of this.#settled) {
      for (const one of held) {
        const key = `${one.subscription.number} ${outcome}`;
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { subscription: one.subscription.number, outcome, tags: [one.tag] });
        else group.tags.push(one.tag);
      }
    }
    return [...groups.values()];
  }
}
