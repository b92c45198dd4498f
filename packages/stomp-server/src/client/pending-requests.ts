import type { ClientCommand } from '../codec/index.ts';
import type { HeaderList } from './client-connection.ts';
import type { StompClientError } from './client-error.ts';

/** A frame that waits for its RECEIPT. */
export interface PendingRequest {
  readonly command: ClientCommand;
  /** With the `receipt` header. */
  readonly headers: HeaderList;
  readonly body: Uint8Array | undefined;
  /** It means the same on another connection, and is sent again there. */
  readonly replay: boolean;
}

interface Waiting extends PendingRequest {
  readonly resolve: () => void;
  readonly reject: (error: StompClientError) => void;
}

/** What a client has asked for and has no RECEIPT of yet, in order. */
export class PendingRequests {
  readonly #byReceipt = new Map<string, Waiting>();

  /** Resolves with the RECEIPT. */
  add(receipt: string, request: PendingRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#byReceipt.set(receipt, { ...request, resolve, reject });
    });
  }

  resolve(receipt: string): void {
    this.#take(receipt)?.resolve();
  }

  reject(receipt: string, error: StompClientError): void {
    this.#take(receipt)?.reject(error);
  }

  /** The connection is gone: rejects what makes no sense on another. */
  rejectOnce(error: StompClientError): void {
    for (const [receipt, request] of this.#byReceipt) {
      if (request.replay) continue;
      this.#byReceipt.delete(receipt);
      request.reject(error);
    }
  }

  rejectAll(error: StompClientError): void {
    for (const receipt of [...this.#byReceipt.keys()]) this.reject(receipt, error);
  }

  /** All that is to be sent again, in the order in which it was first asked for. */
  replay(send: (request: PendingRequest) => void): void {
    for (const request of this.#byReceipt.values()) if (request.replay) send(request);
  }

  #take(receipt: string): Waiting | undefined {
    const request = this.#byReceipt.get(receipt);
    this.#byReceipt.delete(receipt);
    return request;
  }
}
