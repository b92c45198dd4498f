import { decodeText, encodeText } from '@lockstep/kernel';
import type { Clock, NodeId, Timer } from '@lockstep/kernel';
import type { RequestMessage } from '../peers/messages.ts';

export interface RequestPorts {
  readonly clock: Clock;
  readonly send: (to: NodeId, message: RequestMessage) => void;
  /** Does what a member asks for; what it resolves with goes back. Must not reject. */
  readonly serve: (question: unknown) => Promise<unknown>;
}

/** The member that was asked did not answer in time. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly timer: Timer;
}

/** So many questions of other members are worked on at a time; more go unanswered. */
const servedMax = 64;

/** Questions and answers between members, as JSON: rare ones, for people. */
export class Requests {
  readonly #ports: RequestPorts;
  readonly #waiting: Map<number, Waiting> = new Map();
  #last = 0;
  #serving = 0;

  constructor(ports: RequestPorts) {
    this.#ports = ports;
  }

  /** Rejects with NoAnswerError. */
  ask(to: NodeId, question: unknown, timeoutMs: number): Promise<unknown> {
    const request = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = this.#ports.clock.setTimer(timeoutMs, () => {
        this.#waiting.delete(request);
        reject(new NoAnswerError(`node ${to} did not answer within ${timeoutMs} ms`));
      });
      this.#waiting.set(request, { resolve, timer });
      this.#ports.send(to, { type: 'ask', request, body: encodeText(JSON.stringify(question)) });
    });
  }

  receive(message: RequestMessage, from: NodeId): void {
    if (message.type === 'ask') {
      void this.#serve(message.request, parsed(message.body), from);
      return;
    }
    const waiting = this.#waiting.get(message.request);
    if (waiting === undefined) return;
    this.#waiting.delete(message.request);
    waiting.timer.cancel();
    waiting.resolve(parsed(message.body));
  }

  async #serve(request: number, question: unknown, from: NodeId): Promise<void> {
    if (this.#serving >= servedMax) return;
    this.#serving += 1;
    const answer = await this.#ports.serve(question);
    this.#serving -= 1;
    this.#ports.send(from, { type: 'answer', request, body: encodeText(JSON.stringify(answer)) });
  }

  /** Nobody is waited for any more. */
  stop(): void {
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(body));
  } catch {
    return null;
  }
}
