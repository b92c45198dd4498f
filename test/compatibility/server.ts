/** A STOMP server on loopback whose behaviour is looked at. */
export interface Server {
  readonly name: 'Lockstep' | 'ActiveMQ' | 'RabbitMQ';
  readonly port: number;
  /** What CONNECT's `host` must be. */
  readonly host: string;
  readonly login: string;
  readonly passcode: string;
  /** For how long nothing has to come until that counts as "nothing comes". */
  readonly patienceMs: number;
}

/** A server that this program has started. */
export interface RunningServer extends Server {
  /** Ends it and removes its data. */
  readonly stop: () => Promise<void>;
}
