import fc from 'fast-check';
import t from 'tap';
import { parseSelector, Selector } from '../../src/selector/selector.ts';
import { condition, properties, style } from '../support/selector/arbitrary-selector.ts';
import { selects } from '../support/selector/naive-selector.ts';
import { SelectorPrinter } from '../support/selector/print-selector.ts';
import type { PropertySource } from '../../src/selector/values.ts';
import type { Properties } from '../support/selector/naive-selector.ts';

function sourceOf(values: Properties, asked = new Set<string>()): PropertySource {
  return {
    property: (name) => {
      asked.add(name);
      return values.get(name) ?? null;
    },
  };
}

t.test('a selector selects what a naive evaluator of the same tree selects, however it is written', (t) => {
  let selected = 0;
  fc.assert(
    fc.property(condition, style, fc.array(properties, { minLength: 1, maxLength: 5 }), (tree, written, messages) => {
      const text = new SelectorPrinter(written).condition(tree);
      const selector = parseSelector(text);
      if (!(selector instanceof Selector)) throw new Error(`${text}: ${selector.message} at ${selector.at}`);
      for (const values of messages) {
        const expected = selects(tree, values);
        if (expected) selected++;
        if (selector.matches(sourceOf(values)) !== expected) {
          throw new Error(`${text} gives ${!expected} for ${JSON.stringify([...values])}`);
        }
      }
    }),
    { numRuns: 2000 },
  );
  t.ok(selected > 400, 'and a good part of it is selected');
  t.end();
});

t.test('a selector asks for no name but those that it lists', (t) => {
  fc.assert(
    fc.property(condition, style, properties, (tree, written, values) => {
      const selector = parseSelector(new SelectorPrinter(written).condition(tree));
      if (!(selector instanceof Selector)) throw new Error(selector.message);
      const asked = new Set<string>();
      selector.matches(sourceOf(values, asked));
      for (const name of asked) if (!selector.names.includes(name)) throw new Error(`${name} of ${selector.text}`);
      if (new Set(selector.names).size !== selector.names.length) throw new Error(`twice in ${selector.text}`);
    }),
  );
  t.end();
});
