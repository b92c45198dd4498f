// What it costs to try a selector on a stored message, decoding included. `pnpm --filter @lockstep/stomp-server selectors`
import { Bench } from 'tinybench';
import { parseSelector, Selector } from '@lockstep/core';
import { MessageProperties } from '@lockstep/stomp-server';
import type { Message } from '@lockstep/core';
import type { JournalPosition } from '@lockstep/kernel';

const few = 'content-type:text/plain\nregion:eu-west\nprice:10.50\ntype:order.created\n';
const many = `${Array.from({ length: 20 }, (_, i) => `x-application-header-${i}:some value of it\n`).join('')}${few}`;

function message(lines: string): Message {
  return {
    position: 4711 as JournalPosition,
    volatileId: null,
    destination: '/queue/orders',
    timestampMs: 1_790_000_000_000,
    envelope: 2,
    headerBlock: Buffer.from(lines),
    body: Buffer.alloc(256, 'x'),
    attributes: null,
    deadLetter: null,
  };
}

const texts = [
  'JMSPriority > 3',
  "region = 'eu-west'",
  "absent = 'x'",
  "region = 'us-east' AND price > 10",
  "region = 'eu-west' AND price > 10",
  "type LIKE 'order.%' AND region IN ('eu-west', 'eu-north') AND price BETWEEN 5 AND 20",
];

const batch = 1000;
const bench = new Bench({ time: 300, warmupTime: 100 });
let selected = 0;
for (const [kind, lines] of [
  ['4 headers', few],
  ['24 headers', many],
] as const) {
  const stored = message(lines);
  for (const text of texts) {
    const selector = parseSelector(text);
    if (!(selector instanceof Selector)) throw new Error(selector.message);
    const properties = new MessageProperties(selector.names);
    bench.add(`${kind}: ${text}`, () => {
      for (let i = 0; i < batch; i++) {
        properties.use(stored, false, 1);
        if (selector.matches(properties)) selected++;
      }
    });
  }
}
await bench.run();
console.table(
  bench.tasks.map(({ name, result }) => {
    const perSecond = 'throughput' in result ? result.throughput.mean * batch : NaN;
    return { selector: name, 'ns each': Math.round(1e9 / perSecond) };
  }),
);
if (selected === 0) throw new Error('nothing was selected');
