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

t.test('what follows from the end of a turn belongs to it, but does not keep input waiting for ever', async (t) => {
  const clock = new NodeClock();
  let ends = 0;
  let turning = true;
  const end = (): void => {
    ends++;
    if (turning) clock.atTurnEnd(end);
  };
  clock.atTurnEnd(end);
  const endsOfTurn = (): Promise<number> => new Promise((resolve) => setImmediate(() => resolve(ends)));
  const first = await endsOfTurn();
  t.ok(first > 1 && first < 10, `${first} in the first turn`);
  t.ok((await endsOfTurn()) > first, 'the rest in later ones');
  turning = false;
});
