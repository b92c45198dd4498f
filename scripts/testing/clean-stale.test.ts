import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cleanStale } from './clean-stale.ts';

t.test('compiled files stay while their source stays, and go with it', (t) => {
  const compiled = {
    'kept.test.js': '',
    'kept.test.js.map': '',
    'kept.d.ts': '',
    'gone.test.js': '',
    'gone.test.d.ts': '',
  };
  const root = t.testdir({
    packages: {
      core: {
        src: { deep: { 'kept.ts': '' } },
        test: { 'kept.test.ts': '' },
        build: {
          src: { deep: { 'kept.js': '', 'gone.js': '' } },
          test: { ...compiled, 'kept.d.ts': '', 'tsconfig.tsbuildinfo': '' },
        },
      },
    },
    test: { cluster: { 'kept.test.ts': '' }, build: { cluster: { 'kept.test.js': '', 'gone.test.js': '' } } },
    scripts: {},
  });
  t.same(
    new Set(cleanStale(root)),
    new Set([
      'packages/core/build/src/deep/gone.js',
      'packages/core/build/test/kept.d.ts',
      'packages/core/build/test/gone.test.js',
      'packages/core/build/test/gone.test.d.ts',
      'test/build/cluster/gone.test.js',
    ]),
  );
  t.notOk(existsSync(join(root, 'packages/core/build/test/gone.test.js')));
  t.ok(existsSync(join(root, 'packages/core/build/test/kept.test.js')));
  t.ok(existsSync(join(root, 'packages/core/build/test/tsconfig.tsbuildinfo')));
  t.same(cleanStale(root), []);
  t.end();
});
