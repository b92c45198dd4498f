/** `lockstep`, the program: what embeds or tests it may use of it. */
export {
  DataLockedError,
  lockDataDirectory,
  NodeClock,
  NodeConnection,
  NodeDisk,
  NodeNetwork,
  NodeRandom,
} from './ports/index.ts';
export type { DataLock } from './ports/index.ts';
export { configurationDocument } from './config/documentation.ts';
