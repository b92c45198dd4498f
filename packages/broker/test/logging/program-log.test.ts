import { SimWorld } from '@lockstep/testkit';
import t from 'tap';

import { programLog } from '../../src/logging/program-log.ts';
import type { ProgramLog } from '../../src/logging/program-log.ts';

type Line = Record<string, unknown>;

function setup(level: 'debug' | 'info' | 'error'): { readonly lines: Line[]; readonly log: ProgramLog } {
  const lines: Line[] = [];
  const output = { write: (text: string): void => void lines.push(JSON.parse(text) as Line) };
  const clock = new SimWorld(1).host('h').start().clock;
  return { lines, log: programLog({ level, broker: 'paris', node: 'b', clock, output }) };
}

t.test('each line is JSON and says level, time, broker and node', (t) => {
  const { lines, log } = setup('info');
  log.info('hello', { port: 1 });
  const { time, ...rest } = lines[0] ?? {};
  t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.strictSame(rest, { level: 'info', broker: 'paris', node: 'b', port: 1, msg: 'hello' });
  t.end();
});

t.test('below the level nothing is written; the line for scripts always is', (t) => {
  const { lines, log } = setup('error');
  log.info('hidden');
  log.warn('hidden');
  log.always('ready', { stomp: '127.0.0.1:1' });
  log.error('shown');
  log.fatal('shown too', { advice: 'do this' });
  t.strictSame(
    lines.map(({ level, msg }) => `${String(level)} ${String(msg)}`),
    ['info ready', 'error shown', 'fatal shown too'],
  );
  t.end();
});
