import t from 'tap';
import { parseSelector, Selector } from '../../../src/selector/selector.ts';
import type { PropertySource } from '../../../src/selector/values.ts';

export type Values = Readonly<Record<string, string | number | boolean>>;

export function sourceOf(values: Values): PropertySource {
  return { property: (name) => (Object.hasOwn(values, name) ? values[name]! : null) };
}

/** The selector, which the test knows to be one. */
export function parsed(text: string): Selector {
  const selector = parseSelector(text);
  if (selector instanceof Selector) return selector;
  throw new Error(`${text.slice(0, 200)}: ${selector.message}, at ${selector.at}`);
}

/** One test: each selector of the table selects the message or does not. */
export function table(title: string, values: Values, rows: readonly (readonly [string, boolean])[]): void {
  t.test(title, (t) => {
    const source = sourceOf(values);
    for (const [text, expected] of rows) t.equal(parsed(text).matches(source), expected, text.trim() || 'nothing');
    t.end();
  });
}

/** One test: the condition is unknown, so neither it nor its opposite selects. */
export function unknown(title: string, values: Values, rows: readonly string[]): void {
  t.test(title, (t) => {
    const source = sourceOf(values);
    for (const text of rows) {
      t.equal(parsed(text).matches(source), false, text);
      t.equal(parsed(`NOT (${text})`).matches(source), false, `NOT (${text})`);
    }
    t.end();
  });
}
