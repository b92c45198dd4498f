// What one evaluation of a selector costs, and the reading of one. `pnpm --filter @lockstep/core selectors`
import { Bench } from 'tinybench';
import { parseSelector, Selector } from '@lockstep/core';
import type { PropertySource } from '@lockstep/core';

/** Headers already decoded: what remains is the selector's own cost and a look-up for each name. */
class Headers implements PropertySource {
  readonly #values = new Map<string, string | number | boolean>([
    ['region', 'eu-west'],
    ['price', '10.50'],
    ['quantity', '12'],
    ['type', 'order.created'],
    ['customer', 'c-4711'],
    ['id', '1234567890123456789'],
    ['JMSPriority', 4],
  ]);

  property(name: string): string | number | boolean | null {
    return this.#values.get(name) ?? null;
  }
}

const texts = [
  "region = 'eu-west'",
  "region = 'us-east'",
  "absent = 'x'",
  'quantity > 10',
  'price > 10',
  'JMSPriority >= 5',
  'id = 1234567890123456789',
  "region IN ('us-east', 'us-west', 'eu-north', 'eu-west', 'ap-south')",
  "type LIKE 'order.%'",
  "customer LIKE '%47__'",
  "type LIKE 'order.%' AND (price * quantity > 100 OR region IS NULL)",
  "quantity BETWEEN 1 AND 20 AND region <> 'us-east' AND NOT type LIKE '%.test' AND JMSPriority < 9",
];

const headers = new Headers();
const batch = 1000;
const bench = new Bench({ time: 300, warmupTime: 100 });
let selected = 0;

function selector(text: string): Selector {
  const result = parseSelector(text);
  if (result instanceof Selector) return result;
  throw new Error(`${text}: ${result.message}`);
}

bench.add('(the look-up of one name alone)', () => {
  for (let i = 0; i < batch; i++) if (headers.property('region') === 'eu-west') selected++;
});
for (const text of texts) {
  const compiled = selector(text);
  bench.add(text, () => {
    for (let i = 0; i < batch; i++) if (compiled.matches(headers)) selected++;
  });
}
bench.add('(reading the last of these)', () => {
  for (let i = 0; i < batch; i++) if (selector(texts[texts.length - 1]!).names.length > 0) selected++;
});
await bench.run();
console.table(
  bench.tasks.map(({ name, result }) => {
    const perSecond = 'throughput' in result ? result.throughput.mean * batch : NaN;
    return { selector: name, 'ns each': Number((1e9 / perSecond).toFixed(1)) };
  }),
);
if (selected === 0) throw new Error('nothing was selected');
