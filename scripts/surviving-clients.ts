/**
 * Clients that stay on nodes to which nothing happens, while something happens to another node of three: producers with receipts, consumers
 * of every acknowledgement mode, and transactions that are open meanwhile. Prints the longest time between two receipts of a producer in each
 * round, and what the clients saw that they should not have: lost, doubled, marked or disordered messages, connections that ended.
 *
 * `kill`, `stop`: SIGKILL or SIGSTOP of the master. `partition`: a member is cut off for 3 s, the master or a slave, whole or one way, in turn;
 * the clients are on all nodes, the pause is that of the others. `rolling`: a clean restart of each node in turn. `transfer`: mastership is
 * handed round, with clients on all nodes.
 *
 * usage: pnpm surviving-clients [--rounds 30] [--client stompit|stomp.py|ruby] [--how kill|stop|partition|rolling|transfer] [--pace MS] [--json]
 */
import { parseArgs } from 'node:util';

import { campaign, clusterFor, happenings, libraries } from '@lockstep/test/harness';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    client: { type: 'string', default: 'stompit' },
    how: { type: 'string', default: 'kill' },
    pace: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function oneOf<T extends string>(flag: string, known: readonly T[], given: string): T {
  const found = known.find((one) => one === given);
  if (found === undefined) throw new Error(`--${flag} is one of ${known.join(', ')}, not ${given}`);
  return found;
}

const how = oneOf('how', happenings, values.how);
const library = oneOf('client', libraries, values.client);
const cluster = await clusterFor(how);
try {
  const result = await campaign(cluster, {
    how,
    library,
    rounds: Number(values.rounds),
    paceMs: Number(values.pace),
    onRound: (round, what, pauseMs) => {
      if (!values.json) print(`${String(round + 1).padStart(3)} ${what}: ${Math.round(pauseMs)} ms`);
    },
  });
  const sorted = result.pausesMs.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  const pauses = { medianMs: at(0.5), p90Ms: at(0.9), worstMs: at(1) };
  if (values.json) print(JSON.stringify({ how, library, ...pauses, ...result }));
  else {
    const { receipts, deliveries, transactions, verdicts } = result;
    print(`${how}, ${library}, ${sorted.length} rounds: pause ${JSON.stringify(pauses)}`);
    print(`${receipts} receipts, ${deliveries} deliveries, ${transactions} transactions`);
    for (const verdict of verdicts) {
      const counts = Object.entries(verdict).map(
        ([name, list]: [string, readonly string[]]) => `${name} ${list.length}`,
      );
      print(counts.join(', '));
      for (const [name, list] of Object.entries(verdict) as [string, readonly string[]][])
        for (const detail of list) print(`  ${name}: ${detail}`);
    }
  }
  process.exitCode = result.clean ? 0 : 1;
} finally {
  await cluster.stop(process.exitCode === 1);
  if (process.exitCode === 1) print(`logs in ${cluster.directory}`);
}
