/** A request that the broker has not answered yet. */
export interface Unanswered {
  /** For a refusal: which frame, and where. */
  readonly command: string;
  readonly destination: string;
  readonly bytes: number;
  /** Given when it is answered; later frames with nothing to ask of the broker line up here, so that receipts keep their order. */
  receipts: string[] | null;
}

/** The session's requests that wait for their reply, by token, in the order in which they were made. */
export class UnansweredRequests {
  readonly #byToken = new Map<number, Unanswered>();
  #last: Unanswered | null = null;
  #lastToken = 0;
  #bytes = 0;

  get count(): number {
    return this.#byToken.size;
  }

  /** Of the messages in them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes a request and returns its token. */
  add(command: string, destination: string, receipt: string | undefined, bytes: number): number {
    const request = { command, destination, bytes, receipts: receipt === undefined ? null : [receipt] };
    this.#lastToken++;
    this.#byToken.set(this.#lastToken, request);
    this.#bytes += bytes;
    this.#last = request;
    return this.#lastToken;
  }

  /** The request that the reply is for; undefined when it has had its reply. */
  answer(token: number): Unanswered | undefined {
    const request = this.#byToken.get(token);
    if (request === undefined) return undefined;
    this.#byToken.delete(token);
    this.#bytes -= request.bytes;
    if (request === this.#last) this.#last = null;
    return request;
  }

  /** Whether the receipt now waits for the latest request; false when nothing is under way. */
  lineUp(receipt: string): boolean {
    if (this.#last === null) return false;
    (this.#last.receipts ??= []).push(receipt);
    return true;
  }
}
