import { explainSelectorError, parseSelector, Selector } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';

/** The selector of a SUBSCRIBE; null when it has none, or an empty one, which selects all (JMS 2.0 §3.8.1). */
export function readSelector(frame: Frame): Selector | Fault | null {
  const text = frame.header('selector');
  if (text === undefined) return null;
  const selector = parseSelector(text);
  if (selector instanceof Selector) return selector.selectsAll ? null : selector;
  const [place = '', ...shown] = explainSelectorError(text, selector).split('\n');
  return { message: `SUBSCRIBE: ${place}`, hint: shown.join('\n') };
}
