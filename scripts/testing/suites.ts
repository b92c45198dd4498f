/** The test suites: which compiled files belong to each, and how long one file may take before it counts as hung. */
export interface Suite {
  readonly name: string;
  /** Folders of compiled tests, relative to the root; every `*.test.js` below them. `*` stands for one folder name. */
  readonly folders: readonly string[];
  /** Seconds for one file; a guard against hanging, no measure of speed. */
  readonly fileSecondsMax: number;
  readonly jobs: number;
  readonly env: Readonly<Record<string, string>>;
}

export const suites: readonly Suite[] = [
  {
    name: 'unit',
    folders: [
      'packages/*/build/test',
      'scripts/build',
      'test/build/fences',
      'test/build/docs',
      'test/build/fuzz',
      'test/build/simulation',
    ],
    fileSecondsMax: 180,
    jobs: 2,
    env: { SIMULATION_SEEDS: '16' },
  },
  {
    name: 'simulation',
    folders: ['test/build/simulation', 'test/build/mutants'],
    fileSecondsMax: 900,
    jobs: 2,
    env: { SIMULATION_SEEDS: '300' },
  },
  {
    name: 'clients',
    folders: ['test/build/clients', 'test/build/compatibility'],
    fileSecondsMax: 300,
    jobs: 1,
    env: {},
  },
  { name: 'browser', folders: ['test/build/browser'], fileSecondsMax: 300, jobs: 1, env: {} },
  { name: 'cluster', folders: ['test/build/cluster'], fileSecondsMax: 600, jobs: 1, env: {} },
];
