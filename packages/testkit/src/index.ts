/**
 * What tests of several packages share: seeded chance, a simulated world (time, processes, disks, networks) that a
 * seed repeats exactly, and compliance suites which simulated and real ports both pass. No shipped package imports
 * this one. Of the real host it touches its queues of microtasks, ticks and turns alone.
 */
export { SimDevice } from './disk/sim-device.ts';
export type { DiskFault, DiskOperation, StoredFile } from './disk/sim-device.ts';
export { SimDisk } from './disk/sim-disk.ts';
export type { DiskScheduler } from './disk/sim-disk.ts';
export type { Link } from './network/link.ts';
export { SimNetwork, SimWires } from './network/sim-network.ts';
export { hashText, SimRandom } from './random.ts';
export { HostClock, SimClock } from './sim-clock.ts';
export { SimHost, SimProcess, SimWorld } from './sim-world.ts';
export { Simulation } from './simulation.ts';
export type { EventOwner, ScheduledEvent } from './simulation.ts';
export { clockCompliance, randomCompliance } from './compliance/clock.ts';
export { diskCompliance } from './compliance/disk.ts';
export { networkCompliance } from './compliance/network.ts';
export type { NetworkSetup } from './compliance/network.ts';
export { record, Recorder } from './compliance/recorder.ts';
export type { RecordedEnd } from './compliance/recorder.ts';
export { concat, pattern, sameBytes } from './compliance/setup.ts';
export type { MakeSetup, Runner, Setup } from './compliance/setup.ts';
