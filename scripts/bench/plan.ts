/** What one load process does, told as JSON in its first argument. Times are milliseconds of the machine's monotonic clock. */
export interface WorkerPlan {
  readonly role: 'producers' | 'consumers';
  readonly ports: readonly number[];
  readonly connections: number;
  readonly destination: string;
  readonly bodyBytes: number;
  /** Producers: open receipts per connection. */
  readonly window: number;
  /** Producers: messages a second over all connections of this process; 0: as fast as the window allows. */
  readonly rate: number;
  /** Producers: ends when so many SENDs of this process have had their receipts; 0: goes on until `measureToMs`. */
  readonly messages: number;
  /** Consumers. */
  readonly prefetch: number;
  readonly ack: 'auto' | 'client-individual';
  /** What happens before `measureFromMs` and from `measureToMs` on is left out. Producers stop at `measureToMs`. */
  readonly measureFromMs: number;
  readonly measureToMs: number;
  /** Consumers go on until then, so that nothing is left for the next run. */
  readonly drainToMs: number;
}

/** What it saw in the measured span, told as one JSON line. */
export interface WorkerResult {
  readonly role: WorkerPlan['role'];
  /** Receipts, or deliveries. */
  readonly count: number;
  /** Microseconds: SEND to RECEIPT, or SEND to MESSAGE. An HDR histogram, base64. With a rate, from when the message was due. */
  readonly histogram: string;
  /** CPU seconds of this process in all. */
  readonly cpuSeconds: number;
}

/** The machine's monotonic clock, the same in every process. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
