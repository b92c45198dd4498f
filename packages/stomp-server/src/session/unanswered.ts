/** A request that the broker has not answered yet. */
export interface Unanswered {
  /** For a refusal: which frame, and where. */
  readonly command: string;
  readonly destination: string;
  readonly bytes: number;
  /** Given when it is answered; later frames with nothing to ask of the broker line up here, so that receipts keep their order. */
  receipts: string[] | null;
}

/** So many answered requests are forgotten together. */
const ANSWERED_KEPT = 256;

/**
 * The session's requests that wait for their reply, in the order in which they were made. Tokens are consecutive and replies come
 * mostly in order: an array with a moving front does what a map would, at a fraction of its cost (bench `throughput`).
 */
export class UnansweredRequests {
  /** From the token after `#dropped` on; undefined: answered. */
  #requests: (Unanswered | undefined)[] = [];
  #dropped = 0;
  /** All before this place in `#requests` are answered. */
  #front = 0;
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  /** Of the messages in them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The one that has waited longest. */
  get oldest(): Unanswered | undefined {
    return this.#requests[this.#front];
  }

  /** Notes a request and returns its token. */
  add(command: string, destination: string, receipt: string | undefined, bytes: number): number {
    const request = { command, destination, bytes, receipts: receipt === undefined ? null : [receipt] };
    this.#bytes += bytes;
    this.#count++;
    this.#requests.push(request);
    return this.#dropped + this.#requests.length;
  }

  /** The request that the reply is for; undefined when it has had its reply. */
  answer(token: number): Unanswered | undefined {
    const place = token - this.#dropped - 1;
    const request = this.#requests[place];
    if (request === undefined) return undefined;
    this.#requests[place] = undefined;
    this.#bytes -= request.bytes;
    this.#count--;
    this.#dropAnswered();
    return request;
  }

  /** Whether the receipt now waits for the latest request; false when that one is answered. */
  lineUp(receipt: string): boolean {
    const last = this.#requests[this.#requests.length - 1];
    if (last === undefined) return false;
    (last.receipts ??= []).push(receipt);
    return true;
  }

  #dropAnswered(): void {
    const requests = this.#requests;
    while (this.#front < requests.length && requests[this.#front] === undefined) this.#front++;
    if (this.#front < ANSWERED_KEPT || this.#front * 2 < requests.length) return;
    this.#requests = requests.slice(this.#front);
    this.#dropped += this.#front;
    this.#front = 0;
  }
}
