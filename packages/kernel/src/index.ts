/**
 * The ports to the outside world, branded ids, and `assert`. Imports nothing and knows nothing of messages or terms.
 * Everything else in Lockstep takes time, chance, files and sockets through these interfaces, so that whole clusters
 * run in one process on simulated ones.
 */
export { assert, AssertionError } from './assert.ts';
export type { Clock, Timer } from './clock.ts';
export { DiskError } from './disk.ts';
export type { Disk, DiskFile, DiskSpace } from './disk.ts';
export type { Brand, BrokerId, JournalPosition, NodeId, SessionId } from './ids.ts';
export { silentLog } from './log.ts';
export type { Log, LogFields } from './log.ts';
export { formatAddress, NetworkError } from './network.ts';
export type {
  Address,
  Connection,
  ConnectionHandlers,
  Listener,
  ListenTls,
  MutualTls,
  Network,
  NetworkErrorCode,
} from './network.ts';
export type { Random } from './random.ts';
export { decodeText, decodeTextStrictly, encodeText } from './text.ts';
