import { readFileSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

import { lockstep, started } from '../program.ts';
import {
  bodyOf,
  copyOf,
  damageText,
  fingerprint,
  flip,
  makeMember,
  makeData,
  report,
  segmentsOf,
  told,
  waitingIn,
} from './data.ts';

const made = await makeData(t);

t.test('a damaged header of a write, of a segment: no message is lost', async (t) => {
  for (const [what, at] of [
    ['a write', 64 + 8],
    ['a segment', 20],
  ] as const) {
    const data = copyOf(made);
    flip(segmentsOf(data)[1]!, at);
    t.equal((await report(data)).ok, false, what);
    const { code, stderr } = await lockstep(['repair', data, '--yes']);
    t.equal(code, 0, `${what} ${stderr}`);
    t.same(await waitingIn(t, data), told(made), what);
    t.equal((await lockstep(['verify', data])).code, 0);
  }
});

t.test('a finished segment that is cut short', async (t) => {
  const data = copyOf(made);
  const path = segmentsOf(data)[1]!;
  truncateSync(path, readFileSync(path).length - 1000);
  const { ok, damages } = await report(data);
  t.notOk(ok);
  t.ok(damages.length > 0);
  t.equal((await lockstep(['repair', data, '--yes'])).code, 0);
  const waiting = await waitingIn(t, data);
  t.ok(waiting.length < told(made).length && waiting.length > told(made).length - 6);
  t.equal((await lockstep(['verify', data])).code, 0);
});

t.test('a torn tail is no damage', async (t) => {
  const data = copyOf(made);
  const path = segmentsOf(data).at(-1)!;
  // A clean end leaves an empty write of 32 bytes; before it stands the last acknowledgement.
  truncateSync(path, readFileSync(path).length - 40);
  t.match(await lockstep(['verify', data]), {
    code: 0,
    stdout: /torn tail: nothing that was acknowledged stood there/,
  });
  t.match(await report(data), { ok: true, damages: [{ kind: 'torn' }] });
  t.match(await lockstep(['repair', data, '--yes']), { code: 0, stdout: /nothing to repair/ });
});

t.test('votes: a broker of one does without', async (t) => {
  for (const damage of [(path: string) => flip(path, 4096 + 20), (path: string) => unlinkSync(path)]) {
    const data = copyOf(made);
    damage(join(data, 'hard-state'));
    t.match(await report(data), { ok: false, damages: [{ file: 'hard-state' }] });
    t.match(await lockstep(['repair', data, '--yes']), { code: 0, stdout: /no message is lost/ });
    const node = started(['start', '--data', data, '--stomp', '0']);
    t.ok(await node.line('ready'));
    node.child.kill('SIGKILL');
    await node.ended;
  }
});

t.test('a damaged identity: repair does not guess; an export into a new directory helps', async (t) => {
  const data = copyOf(made);
  flip(join(data, 'identity.json'), 60);
  t.match(await report(data), { ok: false, damages: [{ file: 'identity.json', kind: 'identity' }] });
  t.match(await lockstep(['repair', data, '--yes']), { code: 1, stderr: /`lockstep export` and `lockstep import`/ });
  t.same(await waitingIn(t, data), told(made));
});

t.test('a missing segment is not made up', async (t) => {
  const data = copyOf(made);
  unlinkSync(segmentsOf(data)[0]!);
  const found = await report(data);
  t.match(found, { ok: false, damages: [{ kind: 'missing' }] });
  t.match(await lockstep(['repair', data, '--yes']), { code: 1, stderr: /a file is missing: bring it back/ });
});

t.test('one of several nodes: the others have what is damaged here', async (t) => {
  const data = await makeMember(t.testdir({}));
  t.match(await report(data), { ok: true, messages: 10, members: ['a', 'b', 'c'] });
  damageText(data, bodyOf(5));
  const before = fingerprint(data);
  t.match(await lockstep(['verify', data]), {
    code: 1,
    stdout: /start it, and what it can repair it repairs from the others/,
  });
  t.match(await lockstep(['repair', data, '--yes']), {
    code: 1,
    stderr: /one of several, and the others hold what is damaged here/,
  });
  const file = `${made.data}.jsonl`;
  await lockstep(['export', made.data, file]);
  t.match(await lockstep(['import', data, file]), { code: 2, stderr: /is one of several nodes, which must all hold/ });
  t.same(fingerprint(data), before);
});

t.test('of a transaction of which a part is lost, nothing takes effect; the next one does', async (t) => {
  const file = `${made.data}.jsonl`;
  await lockstep(['export', made.data, file]);
  const directory = t.testdir({});
  const data = join(directory, 'data');
  t.equal((await lockstep(['import', data, file])).code, 0);
  t.equal((await lockstep(['import', data, file])).code, 0);
  damageText(data, 'message 100 ');
  t.equal((await waitingIn(t, data, '--partial')).length, 381, 'the second import is there');
  const { code, stdout, stderr } = await lockstep(['repair', data, '--yes']);
  t.equal(code, 0, stderr);
  t.match(stdout, '381 more entries of broken transactions took no effect');
  t.same(await waitingIn(t, data), told(made));
  const node = started(['start', '--data', data, '--stomp', '0']);
  t.ok(await node.line('ready'), 'the node starts');
  node.child.kill('SIGKILL');
  await node.ended;
});
