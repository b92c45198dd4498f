import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

import { LoneLog } from '../../../src/cli/care/lone-log.ts';
import { lockstep, started } from '../program.ts';
import { makeData, told, waitingIn } from './data.ts';

const base64 = (bytes: readonly number[]): string => Buffer.from(bytes).toString('base64');

/** By queue, as an export has them. */
const lines: readonly object[] = [
  {
    queue: '/queue/ActiveMQ.DLQ',
    timestamp: 1_790_000_000_000,
    deliveries: 6,
    deadLetter: { reason: 'max-deliveries', originalDestination: '/queue/ü' },
    envelope: 6,
    headers: 'k:v\nexpires:5\n',
    body: 'dead',
  },
  {
    queue: '/queue/a',
    timestamp: 1_790_000_000_001,
    envelope: 2,
    attributes: { priority: 9, schedule: { delayMs: 0, periodMs: 1, repeat: 2, cron: '* * * * *' } },
    headers: '',
    body: '',
  },
  {
    queue: '/queue/a',
    timestamp: 0,
    deliveries: 32_767,
    envelope: 255,
    headersBase64: base64([255, 10]),
    body: '\uFEFF"\\\n\0',
  },
  {
    queue: '/queue/ü',
    timestamp: 1,
    deliveries: 1,
    envelope: 0,
    headers: 'a:b\n',
    bodyBase64: base64([0xc0, 0, 1, 0xff]),
  },
];

function fileOf(of: readonly object[], head: object = { lockstep: 'export', version: 1, broker: 'paris' }): string {
  const text = [head, ...of].map((line) => `${JSON.stringify(line)}\n`).join('');
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `${text}${JSON.stringify({ lockstep: 'end', messages: of.length, sha256 })}\n`;
}

t.test('an export that is imported and exported again is the same, byte for byte', async (t) => {
  const directory = t.testdir({ 'in.jsonl': fileOf(lines) });
  const data = join(directory, 'data');
  const args = ['import', data, join(directory, 'in.jsonl'), '--broker', 'paris', '--node', 'n1'];
  t.match(await lockstep(args), { code: 0, stdout: /^4 messages brought into / });
  t.match(await lockstep(['export', data, join(directory, 'out.jsonl')]), {
    code: 0,
    stdout: /^4 messages written to /,
  });
  t.equal(readFileSync(join(directory, 'out.jsonl'), 'utf8'), fileOf(lines));
  t.match(JSON.parse((await lockstep(['verify', data, '--json'])).stdout), {
    ok: true,
    broker: 'paris',
    node: 'n1',
    messages: 4,
  });
});

t.test('what a broker has held goes over into another, and its clients get it', async (t) => {
  const made = await makeData(t, '64KiB');
  const file = `${made.data}.jsonl`;
  t.equal((await lockstep(['export', made.data, file])).code, 0);
  const data = `${made.data}-new`;
  t.equal((await lockstep(['import', data, file])).code, 0);
  t.equal((await lockstep(['export', data, `${file}-2`])).code, 0);
  t.ok(readFileSync(file).equals(readFileSync(`${file}-2`)));
  const node = started(['start', '--data', data, '--stomp', '0']);
  const uri = `tcp://${String((await node.line('ready'))['stomp'])}`;
  const got = await lockstep(['receive', uri, '/queue/a', '--count', String(made.waiting.length)]);
  node.child.kill('SIGTERM');
  await node.ended;
  t.same(got.stdout.trimEnd().split('\n'), made.waiting);

  t.match(await lockstep(['import', data, file, '--json']), { code: 0, stdout: /"messages":381/ });
  t.same(
    await waitingIn(t, data),
    [...told(made).slice(0, -1), ...told(made).slice(-1), ...told(made).slice(-1)],
    'into one that is there',
  );
});

t.test('an import that breaks off has brought nothing, and can be made again', async (t) => {
  const directory = t.testdir({ 'in.jsonl': fileOf(lines) });
  const data = join(directory, 'data');
  const args = ['import', data, join(directory, 'in.jsonl')];
  t.equal((await lockstep(['import', data, join(directory, 'none.jsonl')])).code, 2);
  t.notOk(existsSync(data));
  writeFileSync(join(directory, 'empty.jsonl'), fileOf([]));
  t.equal((await lockstep(['import', data, join(directory, 'empty.jsonl')])).code, 0);
  const log = await LoneLog.open(data, { broker: 'lockstep', node: 'a' });
  await log.beginImport();
  await log.add({
    queue: '/queue/a',
    timestampMs: 1,
    count: 0,
    deadLetter: null,
    envelope: 0,
    headerBlock: new Uint8Array(0),
    attributes: null,
    body: new Uint8Array(9),
  });
  await log.close();
  t.same(await waitingIn(t, data), []);
  t.equal((await lockstep(args)).code, 0);
  t.equal((await waitingIn(t, data)).length, 4);
});

t.test('a file that is not a whole export is refused before anything is touched', async (t) => {
  const whole = fileOf(lines);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['cut short', whole.slice(0, -100), /line 6: |the closing line is missing/],
    [
      'without its end',
      whole.split('\n').slice(0, -2).join('\n'),
      /the closing line is missing: the file was cut short/,
    ],
    ['changed', whole.replace('"dead"', '"deed"'), /line 6: the checksum does not match: the file was changed/],
    [
      'with a line less',
      whole.split('\n').toSpliced(2, 1).join('\n'),
      /by the closing line there are 4 messages, but there are 3/,
    ],
    [
      'of a newer program',
      fileOf([], { lockstep: 'export', version: 2 }),
      /line 1: the export has version 2, and this program knows version 1/,
    ],
    ['something else', '{"a":1}\n', /line 1: it is not the head of an export/],
    ['empty', '', /the closing line is missing/],
    ['a topic', fileOf([{ ...lines[1], queue: '/topic/x' }]), /line 2: `queue` must be \/queue\/NAME/],
    ['no body', fileOf([{ ...lines[1], body: 5 }]), /line 2: there is neither `body` nor `bodyBase64`/],
    ['deliveries', fileOf([{ ...lines[1], deliveries: -1 }]), /`deliveries` must be a number from 0 to 65535/],
    ['more behind it', `${whole}{}\n`, /line 7: something follows the closing line/],
    ['no JSON', 'hello\n', /line 1: it is not a JSON object/],
  ];
  const directory = t.testdir({});
  const data = join(directory, 'data');
  for (const [what, content, expected] of cases) {
    const file = join(directory, 'in.jsonl');
    writeFileSync(file, content);
    const { code, stderr } = await lockstep(['import', data, file]);
    t.equal(code, 1, what);
    t.match(stderr, expected, what);
    t.notOk(existsSync(data), what);
  }
});

t.test('an export overwrites nothing, and leaves nothing half done', async (t) => {
  const made = await makeData(t);
  const file = `${made.data}.jsonl`;
  writeFileSync(file, 'precious');
  t.match(await lockstep(['export', made.data, file]), { code: 2, stderr: /is there already: name another file/ });
  t.equal(readFileSync(file, 'utf8'), 'precious');
  t.match(await lockstep(['export', made.data, '/nowhere/x.jsonl']), {
    code: 1,
    stderr: /\/nowhere\/x.jsonl was not written: ENOENT/,
  });
});
