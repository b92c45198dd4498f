/** What suites and scripts share: clusters of real processes, and the books of a run with faults. */
export { freePorts } from './free-ports.ts';
export { Ledger } from './ledger.ts';
export type { Delivery, Verdict } from './ledger.ts';
export { ProcessCluster } from './process-cluster.ts';
export type { ProcessClusterOptions, ProcessNode } from './process-cluster.ts';
export { until } from './until.ts';
export { Neighbours } from './neighbours.ts';
export { RawClient } from './raw-client.ts';
export type { RawFrame } from './raw-client.ts';
export { runSeeds, workerFailed } from './seed-pool.ts';
export type { SeedJob } from './seed-pool.ts';
export { campaign, clusterFor } from './surviving/campaign.ts';
export { happenings } from './surviving/rounds.ts';
export type { Happening } from './surviving/rounds.ts';
export { libraries } from './surviving/staying.ts';
export type { Library } from './surviving/staying.ts';
