import t from 'tap';
import { HandoutTimes } from '../../src/dispatch/handout-times.ts';

t.test('a hand-out is dated by the last sample before it', async (t) => {
  const times = new HandoutTimes();
  t.equal(times.timeOf(1), null, 'nothing was noted yet');
  times.note(1, 10_000);
  times.note(5, 10_900);
  times.note(9, 12_000);
  t.equal(times.timeOf(0), null);
  t.equal(times.timeOf(1), 10_000);
  t.equal(times.timeOf(8), 10_000, 'samples are a second apart');
  t.equal(times.timeOf(9), 12_000);
  t.equal(times.timeOf(1000), 12_000);
});

t.test('time in which nothing was handed out does not count', async (t) => {
  const times = new HandoutTimes();
  times.note(1, 10_000);
  times.note(7, 20_000);
  times.note(7, 90_000);
  t.equal(times.timeOf(6), 10_000);
  t.equal(times.timeOf(7), 90_000);
});

t.test('numbers that begin anew, and a clock that is put back', async (t) => {
  const times = new HandoutTimes();
  times.note(100, 10_000);
  times.note(200, 2_000);
  t.equal(times.timeOf(200), 2_000);
  times.note(3, 5_000);
  t.equal(times.timeOf(3), 5_000);
  t.equal(times.timeOf(2), null);
});

t.test('with more than can be kept, an age is right to a sixteenth, and they stay few', async (t) => {
  const times = new HandoutTimes();
  const count = 100_000;
  for (let i = 0; i < count; i++) times.note(1 + i * 10, i * 1000);
  const now = (count - 1) * 1000;
  let worst = 0;
  const seen = new Set<number>();
  for (let second = 0; second < count - 600; second++) {
    const time = times.timeOf(1 + second * 10)!;
    seen.add(time);
    worst = Math.max(worst, (second * 1000 - time) / (now - second * 1000));
  }
  t.ok(worst >= 0 && worst < 0.07, `the worst is off by ${worst}`);
  t.ok(seen.size > 50 && seen.size <= 512, `${seen.size} samples`);
  t.equal(times.timeOf(1), 0, 'the first of all stays');
  t.equal(times.timeOf(1 + (count - 1) * 10), now);
});
