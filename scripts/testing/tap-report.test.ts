import t from 'tap';
import { TapReport } from './tap-report.ts';

function report(tap: string): { said: readonly string[]; report: TapReport } {
  const said: string[] = [];
  const report = new TapReport((line) => said.push(line));
  for (const line of tap.split('\n')) report.line(line);
  return { said, report };
}

t.test('single assertions are counted, not the subtests that sum them up', (t) => {
  const { said, report: result } = report(`TAP version 14
# Subtest: packages/core/build/test/a.test.js
    # Subtest: outer
        # Subtest: inner
            ok 1 - one
            ok 2 - two
            1..2
        ok 1 - inner # time=1ms
        ok 2 - three
        1..2
    ok 1 - outer # time=2ms
    ok 2 - four
    1..2
ok 1 - packages/core/build/test/a.test.js # time=3ms`);
  t.same(result.counts(), { passed: 4, failed: 0 });
  t.same(said, ['ok packages/core/test/a.test.ts 4 passed, time=3ms']);
  t.end();
});

t.test('a failure is counted once, its block is printed, and its source named', (t) => {
  const { said, report: result } = report(`# Subtest: test/build/fences/a.test.js
    # Subtest: outer
        ok 1 - one
        not ok 2 - two
          ---
          found: |
            ok 3 - not a result
          ...
        1..2
    not ok 1 - outer # time=2ms
    1..1
not ok 1 - test/build/fences/a.test.js # time=3ms
# Subtest: test/build/fences/b.test.js
    ok 1 - one
    1..1
ok 2 - test/build/fences/b.test.js # time=3ms`);
  t.same(result.counts(), { passed: 2, failed: 1 });
  t.same(result.filesFailed, ['test/fences/a.test.ts']);
  t.ok(said.includes('        not ok 2 - two'));
  t.end();
});

t.test('a property, which fails by throwing, is one test', (t) => {
  const { report: result } = report(`# Subtest: a.js
    # Subtest: holds
        1..0
    ok 1 - holds # time=9ms
    # Subtest: does not hold
        not ok 1 - Property failed after 3 tests
        1..1
    not ok 2 - does not hold # time=9ms
    1..2
not ok 1 - a.js # time=1ms`);
  t.same(result.counts(), { passed: 1, failed: 1 });
  t.end();
});

t.test('what ran nothing has failed', (t) => {
  const skipped = report(`# Subtest: a.js
    ok 1 - no python here # SKIP why
    1..1
ok 1 - a.js # time=1ms`);
  t.same(skipped.report.counts(), { passed: 0, failed: 1 }, 'a skipped test');
  const empty = report(`# Subtest: a.js
    1..0 # no tests found
ok 1 - a.js # SKIP no tests found`);
  t.same(empty.report.counts(), { passed: 0, failed: 1 }, 'a file without tests');
  const unmet = report(`# Subtest: a.js
    # Subtest: outer
        1..0
    not ok 1 - outer # time=9ms
ok 1 - a.js # time=1ms`);
  t.same(unmet.report.counts(), { passed: 0, failed: 1 }, 'a subtest that fails without a failed assertion in it');
  const crashed = report(`# Subtest: a.js
    ok 1 - one
not ok 1 - a.js # time=1ms`);
  t.same(crashed.report.counts(), { passed: 1, failed: 1 }, 'a file that dies after its assertions');
  t.end();
});
