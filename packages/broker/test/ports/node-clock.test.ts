import { NodeClock } from '@lockstep/broker';
import t from 'tap';

t.test('a timer is not early by a part of a millisecond, however often the loop turns', async (t) => {
  const clock = new NodeClock();
  let turning = true;
  const turn = (): void => {
    if (turning) clock.atTurnEnd(turn);
  };
  turn();
  for (let i = 0; i < 60; i++) {
    const start = clock.monotonicMs();
    await new Promise<void>((resolve) => {
      clock.setTimer(1 + (i % 5) * 0.3, resolve);
    });
    t.ok(clock.monotonicMs() - start >= 1 + (i % 5) * 0.3);
  }
  turning = false;
});

t.test('a timer for years ahead does not make Node turn in circles', async (t) => {
  const clock = new NodeClock();
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', onWarning);
  const timer = clock.setTimer(1e11, () => {});
  await new Promise<void>((resolve) => {
    clock.setTimer(3, resolve);
  });
  timer.cancel();
  process.off('warning', onWarning);
  t.same(warnings, []);
});
