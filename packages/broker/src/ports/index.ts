/**
 * The real ports: the machine's clock, chance, files and sockets, and the lock on a data directory. Nothing else in
 * Lockstep touches these.
 */
export { DataLockedError, lockDataDirectory } from './data-lock.ts';
export type { DataLock } from './data-lock.ts';
export { NodeClock } from './node-clock.ts';
export { NodeConnection } from './node-connection.ts';
export { NodeDisk } from './node-disk.ts';
export { NodeNetwork } from './node-network.ts';
export { NodeRandom } from './node-random.ts';
