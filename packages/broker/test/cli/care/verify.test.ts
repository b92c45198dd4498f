import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

import { lockstep, started } from '../program.ts';
import { copyOf, damageText, fingerprint, flip, makeData, report, segmentsOf, told, waitingIn } from './data.ts';

const made = await makeData(t);

t.test('an intact directory: exit code 0, what is in it, and nothing is written', async (t) => {
  const before = fingerprint(made.data);
  const { code, stdout } = await lockstep(['verify', made.data]);
  t.equal(code, 0);
  t.match(stdout, /381 live messages in 2 queues; no damage\n$/);
  t.match(await report(made.data), {
    ok: true,
    broker: 'lockstep',
    node: 'a',
    members: ['a'],
    messages: 381,
    damages: [],
  });
  t.same(await waitingIn(t, made.data), told(made));
  t.match((await lockstep(['repair', made.data, '--yes'])).stdout, 'there is nothing to repair');
  t.same(fingerprint(made.data), before);
});

t.test('a directory that is in use is left alone, and so is one that is none', async (t) => {
  const data = copyOf(made);
  const node = started(['start', '--data', data, '--stomp', '0']);
  await node.line('ready');
  const file = join(t.testdir({}), 'x.jsonl');
  await lockstep(['export', made.data, file]);
  for (const args of [
    ['verify', data],
    ['export', data, `${file}-2`],
    ['import', data, file],
    ['repair', data, '--yes'],
  ]) {
    const { code, stderr } = await lockstep(args);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, `is in use by process ${node.child.pid}: stop that`);
  }
  node.child.kill('SIGKILL');
  await node.ended;
  t.equal((await lockstep(['verify', data])).code, 0, 'a dead process holds nothing');
  t.match(await lockstep(['verify', t.testdirName]), { code: 2, stderr: /is not the data directory of a node/ });
  t.match(await lockstep(['verify', '/nowhere']), { code: 2, stderr: /there is no such directory/ });
});

t.test('a damaged live record: named with message and queue; repair gives up that message alone', async (t) => {
  const data = copyOf(made);
  const { file, at } = damageText(data, 'message 100 ');
  const { code, stdout } = await lockstep(['verify', data]);
  t.equal(code, 1);
  const [damage] = (await report(data)).damages;
  t.match(damage, { file, kind: 'record', messages: [{ queue: '/queue/a' }] });
  t.ok(damage!.offset < at && damage!.offset > at - 200, 'names the offset');
  const { id } = damage!.messages[0]!;
  t.ok(stdout.includes(`${file}, byte ${damage!.offset}: `));
  t.match(stdout, `damaged live record: message ${id} of /queue/a is lost`);
  t.match(stdout, '`lockstep repair` says what can be kept');

  t.match(await lockstep(['export', data, `${data}.jsonl`]), { code: 1, stderr: /--partial/ });
  const left = told(made).filter((line) => !line.startsWith('/queue/a message 100 '));
  t.same(await waitingIn(t, data, '--partial'), left);

  const before = fingerprint(data);
  const asked = await lockstep(['repair', data]);
  t.match(asked, {
    code: 1,
    stderr: /was not changed: `--yes` gives up what is named above \(at most 1 message lost\)/,
  });
  t.same(fingerprint(data), before);

  const old = readFileSync(join(data, file));
  const repaired = await lockstep(['repair', data, '--yes']);
  t.equal(repaired.code, 0, repaired.stderr);
  const aside = /the old files are in (\S+)\n/.exec(repaired.stdout)?.[1] ?? '';
  t.ok(readFileSync(join(aside, file)).equals(old), 'the old file is kept');
  t.equal((await lockstep(['verify', data])).code, 0);
  t.same(await waitingIn(t, data), left);
  const node = started(['start', '--data', data, '--stomp', '0']);
  const uri = `tcp://${String((await node.line('ready'))['stomp'])}`;
  const got = await lockstep(['receive', uri, '/queue/a', '--count', String(left.length - 1)]);
  node.child.kill('SIGKILL');
  t.same(
    got.stdout
      .trimEnd()
      .split('\n')
      .map((body) => `/queue/a ${body}`),
    left.slice(0, -1),
    'the node starts and has the rest',
  );
});

t.test('a damaged dead record: nothing is lost', async (t) => {
  const data = copyOf(made);
  damageText(data, 'message 7 ');
  t.match(await report(data), { ok: false, damages: [{ kind: 'record', means: /dead record/, messages: [] }] });
  t.match(await lockstep(['repair', data, '--yes']), { code: 0, stdout: /is repaired: no message is lost/ });
  t.same(await waitingIn(t, data), told(made));
});

t.test('a damaged acknowledgement: its messages come again', async (t) => {
  const data = copyOf(made);
  // The last records of the journal are the acknowledgements, what came back from a client that left, and that nobody holds anything; each names its queue.
  const path = segmentsOf(data).at(-1)!;
  const bytes = readFileSync(path);
  let at = bytes.length;
  for (let nth = 0; nth < 3; nth++) at = bytes.lastIndexOf('/queue/a', at - 1);
  flip(path, at + 8);
  t.match(await report(data), {
    ok: false,
    damages: [{ kind: 'record', means: /acknowledgements: those messages come again/ }],
  });
  t.equal((await lockstep(['repair', data, '--yes'])).code, 0);
  const waiting = await waitingIn(t, data);
  t.ok(waiting.length > told(made).length);
  t.same(waiting.slice(-told(made).length), told(made));
});
