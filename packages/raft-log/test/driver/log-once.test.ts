import t from 'tap';

import { LogOnce } from '../../src/driver/peers/log-once.ts';

function setup(): { readonly once: LogOnce; readonly told: string[] } {
  const told: string[] = [];
  const ignore = (): void => {};
  const once = new LogOnce({ debug: ignore, info: ignore, error: ignore, warn: (text) => void told.push(text) });
  return { once, told };
}

t.test('each thing once, until it is over', async (t) => {
  const { once, told } = setup();
  once.warn('c', 'c is odd');
  once.warn('c', 'c is odd');
  once.warn('b', 'b is odd');
  once.over('c');
  once.warn('c', 'c is odd');
  once.warn('b', 'b is odd');
  t.strictSame(told, ['c is odd', 'b is odd', 'c is odd']);
});

t.test('reasons are over together', async (t) => {
  const { once, told } = setup();
  for (const reason of ['secret', 'broker', 'secret', 'broker']) once.warn(`c rejected ${reason}`, reason);
  t.strictSame(told, ['secret', 'broker']);
  once.over('c rejected');
  once.warn('c rejected secret', 'again');
  once.warn('c rejected broker', 'again');
  t.strictSame(told, ['secret', 'broker', 'again', 'again']);
});

t.test('a stranger cannot make it remember ever more', async (t) => {
  const { once, told } = setup();
  for (let i = 0; i < 1000; i++) once.warn(`stranger ${i}`, 'it is odd');
  t.equal(told.length, 256);
});
