import type { Clock, Random } from '@lockstep/kernel';
import type { Test } from 'tap';

import type { MakeSetup, Setup } from './setup.ts';

type ClockTest = (t: Test, clock: Clock) => Promise<void>;

function after(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}

function turnEnd(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.atTurnEnd(resolve);
  });
}

const tests: Readonly<Record<string, ClockTest>> = {
  async 'a timer calls back once, not in the call that set it, and not early'(t, clock) {
    for (const delayMs of [0, 0.4, 1, 2.7, 12]) {
      const start = clock.monotonicMs();
      let calls = 0;
      const fired = new Promise<number>((resolve) => {
        clock.setTimer(delayMs, () => {
          calls++;
          resolve(clock.monotonicMs() - start);
        });
      });
      t.equal(calls, 0);
      t.ok((await fired) >= delayMs, `not before ${delayMs} ms`);
      await after(clock, 1);
      t.equal(calls, 1);
    }
  },

  async 'a timer that was cancelled does not call back'(t, clock) {
    let calls = 0;
    const timer = clock.setTimer(1, () => calls++);
    timer.cancel();
    timer.cancel();
    await after(clock, 5);
    t.equal(calls, 0);
  },

  async 'cancelling a timer that has called back is harmless'(t, clock) {
    let calls = 0;
    const timer = clock.setTimer(0, () => calls++);
    await after(clock, 5);
    timer.cancel();
    t.equal(calls, 1);
  },

  async 'a timer may be set for years ahead'(t, clock) {
    let calls = 0;
    const timer = clock.setTimer(1e11, () => calls++);
    await after(clock, 5);
    t.equal(calls, 0);
    timer.cancel();
  },

  async 'monotonic time does not go back and goes on'(t, clock) {
    let last = clock.monotonicMs();
    const start = last;
    for (let i = 0; i < 20; i++) {
      await after(clock, 0.2);
      const now = clock.monotonicMs();
      t.ok(now >= last);
      last = now;
    }
    t.ok(last > start);
  },

  async 'the wall clock counts from 1970'(t, clock) {
    t.ok(clock.wallMs() > 1_700_000_000_000);
  },

  async 'the end of a turn comes after promises that have settled in it'(t, clock) {
    await turnEnd(clock);
    const seen: string[] = [];
    clock.atTurnEnd(() => seen.push('first'));
    clock.atTurnEnd(() => seen.push('second'));
    for (let i = 0; i < 10; i++) await Promise.resolve();
    t.same(seen, []);
    await turnEnd(clock);
    t.same(seen, ['first', 'second']);
    await turnEnd(clock);
    t.same(seen, ['first', 'second'], 'once each');
  },

  async 'what is set for the end of a turn at the end of a turn is not lost'(t, clock) {
    await new Promise<void>((resolve) => {
      clock.atTurnEnd(() => clock.atTurnEnd(resolve));
    });
    t.pass('called back');
  },
};

/** What every `Clock` does. */
export function clockCompliance(t: Test, make: MakeSetup<Setup<Clock>>): void {
  for (const [name, body] of Object.entries(tests)) {
    t.test(name, async (t) => {
      const { port, run } = await make(t);
      await run(() => body(t, port));
    });
  }
}

/** What every `Random` does. */
export function randomCompliance(t: Test, random: Random): void {
  t.test('fractions lie in [0, 1), and differ', async (t) => {
    const drawn = Array.from({ length: 5000 }, () => random.fraction());
    t.ok(drawn.every((fraction) => fraction >= 0 && fraction < 1));
    t.equal(new Set(drawn).size, drawn.length);
    const mean = drawn.reduce((sum, fraction) => sum + fraction, 0) / drawn.length;
    t.ok(mean > 0.45 && mean < 0.55, `mean ${mean}`);
  });

  t.test('integers lie in [0, bound), and all of them come', async (t) => {
    const drawn = new Set(Array.from({ length: 2000 }, () => random.below(7)));
    t.same(drawn, new Set([0, 1, 2, 3, 4, 5, 6]));
    t.equal(random.below(1), 0);
    const large = Array.from({ length: 100 }, () => random.below(2 ** 48));
    t.ok(large.some((one) => one > 2 ** 40) && large.every((one) => Number.isInteger(one) && one < 2 ** 48));
  });

  t.test('bytes come in the length asked for, never the same twice', async (t) => {
    t.equal(random.bytes(0).length, 0);
    t.equal(random.bytes(33).length, 33);
    t.notSame(random.bytes(16), random.bytes(16));
    t.ok(new Set(random.bytes(2000)).size > 200);
  });
}
