// What the suites use of stompit 1.0.0, which ships no types.
declare module 'stompit' {
  import type { EventEmitter } from 'node:events';
  import type { Writable, Readable } from 'node:stream';

  export type Headers = Record<string, string | number>;
  export interface IncomingMessage extends Readable {
    readonly headers: Record<string, string>;
    readString(encoding: string, callback: (error: Error | null, body?: string) => void): void;
  }
  export interface SendOptions {
    onReceipt?: () => void;
    onError?: (error: Error) => void;
  }
  export interface Transaction {
    send(headers: Headers, options?: SendOptions): Writable;
    readonly id: number;
    commit(options?: SendOptions): void;
    abort(options?: SendOptions): void;
  }
  export interface Subscription {
    unsubscribe(headers?: Headers, options?: SendOptions): void;
  }
  export interface Client extends EventEmitter {
    send(headers: Headers, options?: SendOptions): Writable;
    begin(headers?: Headers): Transaction;
    subscribe(
      headers: Headers,
      listener: (error: Error | null, message: IncomingMessage, subscription: Subscription) => void,
    ): Subscription;
    ack(message: IncomingMessage, headers?: Headers, options?: SendOptions): void;
    nack(message: IncomingMessage, headers?: Headers, options?: SendOptions): void;
    disconnect(callback?: (error: Error | null) => void): void;
    destroy(error?: Error): void;
  }
  export interface FailoverOptions {
    initialReconnectDelay?: number;
    maxReconnectDelay?: number;
    useExponentialBackOff?: boolean;
    maxReconnects?: number;
    randomize?: boolean;
    connect?: { connectHeaders?: Headers };
    connectFunction?: ConnectFunction;
  }
  export type ConnectFunction = (
    options: ConnectOptions,
    callback: (error: Error | null, client: Client) => void,
  ) => Client;
  export interface ConnectOptions {
    host: string;
    port: number;
    connectHeaders?: Headers;
  }
  export interface ConnectFailover extends EventEmitter {
    /** The callback comes again for each connection that `reconnect` makes; `abort` ends that. */
    connect(callback: (error: Error | null, client: Client, reconnect: () => void) => void): { abort(): void };
  }
  const stompit: {
    readonly ConnectFailover: new (servers: string, options?: FailoverOptions) => ConnectFailover;
    readonly connect: ConnectFunction;
  };
  // A CommonJS module: what it exports is the default to an ES module.
  export default stompit;
}
