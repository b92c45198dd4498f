import type { FrameWriter, StompVersion } from '../codec/index.ts';
import type { HeartBeat } from './negotiation.ts';

/** What CONNECTED says of the broker. */
export interface BrokerSelf {
  /** `lockstep/<version>` */
  readonly server: string;
  /** The `failover:(…)` URI of this kind of listener, asked for when a client is let in; left out of CONNECTED when empty or above 1,000 bytes. */
  readonly failover: () => string;
}

/** stompit takes header lines of no more. */
const FAILOVER_BYTES_MAX = 1000;

/** Always with `heart-beat`, in 1.0 too: `0,0` says plainly that there is none. */
export function writeConnected(
  writer: FrameWriter,
  version: StompVersion,
  session: string,
  heartBeat: HeartBeat,
  self: BrokerSelf,
): void {
  writer.begin('CONNECTED');
  writer.header('version', version);
  writer.header('session', session);
  writer.header('server', self.server);
  writer.header('heart-beat', `${heartBeat.sendMs},${heartBeat.receiveMs}`);
  const failover = self.failover();
  if (Buffer.byteLength(failover) <= FAILOVER_BYTES_MAX) writer.header('failover', failover);
  writer.end();
}
