import { readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

import { lockstep, started } from '../program.ts';
import { copyOf, fingerprint, flip, makeData, report, told, waitingIn } from './data.ts';

// Snapshots as often as can be: what they cover leaves the log.
const made = await makeData(t, '64KiB', 1000);

function recordFiles(data: string, ending: RegExp): string[] {
  return readdirSync(join(data, 'records')).filter((name) => ending.test(name));
}

const [retired] = recordFiles(made.data, /\.(log|store)$/);
const file = `records/${retired}`;

/** Where that text stands in the file of the record store. */
function placeOf(data: string, text: string): number {
  const at = readFileSync(join(data, file)).indexOf(text);
  if (at < 0) throw new Error(`'${text}' is not in ${file}`);
  return at;
}

t.test('records below the log are read, and exported', async (t) => {
  t.ok(retired, 'something has left the log');
  const before = fingerprint(made.data);
  t.match(await report(made.data), { ok: true, messages: 981, damages: [] });
  t.same(await waitingIn(t, made.data), told(made));
  t.same(fingerprint(made.data), before);
});

t.test('a damaged live record below the log: named with message and queue, and given up', async (t) => {
  const data = copyOf(made);
  flip(join(data, file), placeOf(data, 'message 25 ') + 3);
  const found = await report(data);
  t.match(found, { ok: false, damages: [{ file, kind: 'record', messages: [{ queue: '/queue/a' }] }] });
  t.match(found.damages[0]!.means, `message ${found.damages[0]!.messages[0]!.id} of /queue/a is lost`);
  t.equal(found.damages.length, 1);
  const left = told(made).filter((line) => !line.startsWith('/queue/a message 25 '));
  t.match(await lockstep(['export', data, `${data}.jsonl`]), { code: 1, stderr: /--partial/ });
  t.same(await waitingIn(t, data, '--partial'), left);
  const old = readFileSync(join(data, file));
  const repaired = await lockstep(['repair', data, '--yes']);
  t.match(repaired, { code: 0, stdout: /at most 1 message lost/ });
  const aside = /the old files are in (\S+)\n/.exec(repaired.stdout)?.[1] ?? '';
  t.ok(readFileSync(join(aside, file)).equals(old), 'the old file is kept');
  t.match(await report(data), { ok: true, messages: 980 });
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
  );
});

t.test('a damaged dead record below the log, a damaged table: nothing is lost', async (t) => {
  const damages: readonly (readonly [string, (data: string) => void])[] = [
    ['record', (data) => flip(join(data, file), placeOf(data, 'message 3 '))],
    ['index', (data) => flip(join(data, 'records', recordFiles(data, /\.idx$/)[0]!), 40)],
  ];
  for (const [kind, damage] of damages) {
    const data = copyOf(made);
    damage(data);
    t.match(await report(data), { ok: false, messages: 981, damages: [{ kind, messages: [] }] }, kind);
    t.match(await lockstep(['repair', data, '--yes']), { code: 0, stdout: /no message is lost/ }, kind);
    t.same(await waitingIn(t, data), told(made), kind);
    t.match(await report(data), { ok: true });
  }
});

t.test('a file of the record store that is gone: its messages are named', async (t) => {
  const data = copyOf(made);
  unlinkSync(join(data, file));
  const { ok, damages } = await report(data);
  t.notOk(ok);
  t.ok(damages.length > 50);
  t.match(damages[0], { kind: 'missing', messages: [{ queue: '/queue/a' }] });
  t.equal((await lockstep(['repair', data, '--yes'])).code, 0);
  const waiting = await waitingIn(t, data);
  t.equal(waiting.length, told(made).length - damages.length);
  t.same(
    waiting,
    told(made).filter((line) => waiting.includes(line)),
  );
});

t.test('a damaged snapshot: neither an export nor a repair is made up', async (t) => {
  const data = copyOf(made);
  const [name] = readdirSync(join(data, 'snapshot'));
  flip(join(data, 'snapshot', name!), 70);
  const before = fingerprint(data);
  t.match(await report(data), { ok: false, damages: [{ file: `snapshot/${name}`, kind: 'snapshot' }] });
  t.match(await lockstep(['export', data, `${data}.jsonl`, '--partial']), {
    code: 1,
    stderr: /its snapshot is damaged/,
  });
  t.match(await lockstep(['repair', data, '--yes']), { code: 1, stderr: /its snapshot is damaged/ });
  t.same(fingerprint(data), before);
});
