import type { Scene, Section } from '../scene.ts';
import type { Headers, Talk, Version } from '../talk.ts';

/** A message sent so, as it comes. */
async function through(
  scene: Scene,
  headers: Headers | readonly string[],
  options: { readonly from?: Version; readonly to?: Version; readonly body?: string | Uint8Array } = {},
): Promise<{
  readonly lines: readonly string[];
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}> {
  const sender = await scene.client(options.from ?? '1.2');
  const lines = Array.isArray(headers)
    ? (headers as readonly string[])
    : Object.entries(headers).map(([k, v]) => `${k}:${v}`);
  const head = ['SEND', `destination:${scene.queue()}`, ...lines, 'receipt:sent', '', ''].join('\n');
  sender.raw.say(Buffer.concat([Buffer.from(head), Buffer.from(options.body ?? 'body'), Buffer.from([0])]));
  await sender.receipt('sent');
  const receiver = await scene.client(options.to ?? '1.2');
  await receiver.subscribe(scene.queue());
  return receiver.message();
}

/** The lines of that header as they stand in MESSAGE. */
async function lineOf(
  scene: Scene,
  name: string,
  ...args: Parameters<typeof through> extends [Scene, ...infer R] ? R : never
): Promise<string> {
  const { lines } = await through(scene, ...args);
  const found = lines.filter((line) => line.startsWith(`${name}:`));
  return found.length === 0 ? 'no such header' : found.map((line) => `\`${line.replaceAll('\r', '␍')}\``).join(' ');
}

/** What becomes of a connection that says this in a session. */
async function saying(scene: Scene, text: string | Uint8Array, version: Version = '1.2'): Promise<string> {
  const talk = await scene.client(version);
  talk.raw.say(text);
  return talk.fate();
}

function send(scene: Scene, rest: string): string {
  return `SEND\ndestination:${scene.queue()}\n${rest}`;
}

const closes = 'Lockstep closes after every ERROR, as STOMP demands.';

export const headerSection: Section = {
  title: 'Headers',
  behaviours: [
    {
      id: 'header-repeated',
      says: 'SEND with `k:first` and `k:second`; the lines of MESSAGE',
      observe: async (scene) => lineOf(scene, 'k', ['k:first', 'k:second']),
      note: 'STOMP: the first one counts; whether the others are passed on is free.',
    },
    {
      id: 'header-order',
      says: 'Headers `z`, `a`, `m`, in that order, come as',
      observe: async (scene) => {
        const { lines } = await through(scene, { z: 1, a: 2, m: 3 });
        return lines
          .map((line) => line.split(':')[0])
          .filter((name) => 'zam'.includes(name!))
          .join(', ');
      },
      note: "Lockstep keeps the order; ActiveMQ's headers are those of a Java map.",
    },
    {
      id: 'header-escapes',
      says: '1.2 to 1.2: `k:a\\cb\\nc\\\\d\\re`',
      observe: async (scene) => lineOf(scene, 'k', { k: 'a\\cb\\nc\\\\d\\re' }),
    },
    {
      id: 'header-escapes-1.1',
      says: '1.1 to 1.1: `k:a\\cb\\nc\\\\d`',
      observe: async (scene) => lineOf(scene, 'k', { k: 'a\\cb\\nc\\\\d' }, { from: '1.1', to: '1.1' }),
    },
    {
      id: 'header-escapes-1.0',
      says: '1.0 to 1.0: `k:a\\cb` (1.0 has no escapes)',
      observe: async (scene) => lineOf(scene, 'k', { k: 'a\\cb' }, { from: '1.0', to: '1.0' }),
      note: '1.0 has no escapes, so a backslash is a backslash.',
    },
    {
      id: 'header-colon-to-1.0',
      says: '1.2 to 1.0: `k:a\\cb`',
      observe: async (scene) => lineOf(scene, 'k', { k: 'a\\cb' }, { to: '1.0' }),
      note: 'Lockstep writes a header anew for the version of who receives it.',
    },
    {
      id: 'header-line-feed-to-1.0',
      says: '1.2 to 1.0: `k:a\\nb`',
      observe: async (scene) => lineOf(scene, 'k', { k: 'a\\nb' }, { to: '1.0' }),
      note: 'What 1.0 cannot say becomes a blank: a bare line end would be the end of the header.',
    },
    {
      id: 'header-carriage-return-to-1.1',
      says: '1.2 to 1.1: `k:a\\rb`',
      observe: async (scene) => lineOf(scene, 'k', { k: 'a\\rb' }, { to: '1.1' }),
      note: '1.1 has no escape for a carriage return, which becomes a blank.',
    },
    {
      id: 'header-undefined-escape',
      says: 'SEND 1.2 with `k:a\\tb`',
      observe: async (scene) => saying(scene, send(scene, 'k:a\\tb\n\nx\0')),
      note: 'STOMP 1.2, Value Encoding: an undefined escape is a fatal protocol error.',
    },
    {
      id: 'header-carriage-return-escape-1.1',
      says: 'SEND 1.1 with `k:a\\rb`',
      observe: async (scene) => saying(scene, send(scene, 'k:a\\rb\n\nx\0'), '1.1'),
      note: '`\\r` is of 1.2; in 1.1 it is undefined.',
    },
    {
      id: 'header-bare-colon',
      says: 'SEND 1.2 with `k:a:b`',
      observe: async (scene) => lineOf(scene, 'k', { k: 'a:b' }),
      note: 'A colon should have been escaped by who sent it; Lockstep hands the line on as it came.',
    },
    {
      id: 'header-without-colon',
      says: 'SEND with a header line without a colon',
      observe: async (scene) => saying(scene, send(scene, 'colonless\n\nx\0')),
      note: closes,
    },
    {
      id: 'header-empty-value',
      says: 'SEND with `k:`',
      observe: async (scene) => lineOf(scene, 'k', { k: '' }),
    },
    {
      id: 'header-blanks',
      says: 'SEND 1.2 with `k: v `',
      observe: async (scene) => lineOf(scene, 'k', { k: ' v ' }),
      note: 'Since 1.1 blanks belong to the value.',
    },
    {
      id: 'header-blanks-1.0',
      says: '1.0 to 1.0: `k: v `',
      observe: async (scene) => lineOf(scene, 'k', { k: ' v ' }, { from: '1.0', to: '1.0' }),
      note: 'Lockstep hands the line on as it came.',
    },
    {
      id: 'header-four-bytes',
      says: 'SEND with a character of four bytes of UTF-8 in a header’s name and value',
      observe: async (scene) => ((await lineOf(scene, '🐙', { '🐙': '🦑' })) === '`🐙:🦑`' ? 'as it was' : 'another'),
    },
    {
      id: 'header-content-type',
      says: 'SEND with `content-type:application/x-mine`',
      observe: async (scene) => lineOf(scene, 'content-type', { 'content-type': 'application/x-mine' }),
    },
    {
      id: 'header-message-id-of-sender',
      says: 'SEND with `message-id:mine`: is that what MESSAGE has?',
      observe: async (scene) =>
        (await through(scene, { 'message-id': 'mine' })).headers['message-id'] === 'mine' ? 'yes' : 'no',
      note: 'A bridge sends whole MESSAGEs again, so what only a broker says is dropped, and not refused.',
    },
    {
      id: 'header-subscription-of-sender',
      says: 'SEND with `subscription:mine`: the lines of MESSAGE',
      observe: async (scene) => lineOf(scene, 'subscription', { subscription: 'mine' }),
      note: 'As above.',
    },
    {
      id: 'header-redelivered-of-sender',
      says: 'SEND with `redelivered:true`: does MESSAGE say so?',
      observe: async (scene) =>
        (await through(scene, { redelivered: 'true' })).headers['redelivered'] === 'true' ? 'yes' : 'no',
      note: 'What a broker says of a message, its sender cannot.',
    },
    {
      id: 'header-long',
      says: 'SEND with a header of 8,000 bytes',
      observe: async (scene) =>
        (await through(scene, { k: 'v'.repeat(8_000) })).headers['k']?.length === 8_000 ? 'as it was' : 'another',
    },
    {
      id: 'header-many',
      says: 'SEND with 200 headers',
      observe: async (scene) => {
        const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, i]));
        const { headers } = await through(scene, many);
        return Object.keys(headers).filter((name) => /^k\d/.test(name)).length === 200 ? 'all come' : 'some come';
      },
    },
    {
      id: 'message-headers',
      says: 'The headers of a plain MESSAGE 1.2, `ack:auto`',
      observe: async (scene) =>
        Object.keys((await through(scene, {})).headers)
          .toSorted()
          .join(', '),
      note: 'Each broker adds its own to what STOMP demands.',
    },
    {
      id: 'message-id-letters',
      says: 'Is `message-id` of letters, digits, `.`, `_`, `-` alone?',
      observe: async (scene) =>
        /^[A-Za-z0-9._-]+$/.test((await through(scene, {})).headers['message-id']!) ? 'yes' : 'no',
      note: 'Some client libraries (Net::Stomp, stompjs 2) give an id back without undoing escapes; one without anything to escape always fits.',
    },
  ],
};

async function bodyThrough(
  scene: Scene,
  body: Uint8Array,
  headers: Headers,
  version: Version = '1.2',
): Promise<string> {
  const came = await through(scene, headers, { body, from: version, to: version });
  return came.body.equals(body) ? 'as it was' : `${came.body.length} bytes, another`;
}

async function twoOf(scene: Scene, between: string): Promise<string> {
  const talk: Talk = await scene.client();
  talk.raw.say(`${send(scene, '\none\0')}${between}${send(scene, '\ntwo\0')}`);
  await talk.subscribe(scene.queue());
  return (await talk.messages(2)).map(({ body }) => body.toString()).join(', ');
}

const every = Uint8Array.from({ length: 256 }, (_, i) => i);

export const bodySection: Section = {
  title: 'Bodies',
  behaviours: [
    {
      id: 'body-every-byte',
      says: 'A body of every byte, with `content-length`',
      observe: async (scene) => bodyThrough(scene, every, { 'content-length': 256 }),
    },
    {
      id: 'body-four-bytes',
      says: 'A body of characters of four bytes, without `content-length`',
      observe: async (scene) => bodyThrough(scene, Buffer.from('🐙🦑'), {}),
    },
    {
      id: 'body-not-utf-8',
      says: 'A body that is not UTF-8, without `content-length`',
      observe: async (scene) => bodyThrough(scene, Buffer.from([0xff, 0xfe, 0x80]), {}),
    },
    {
      id: 'body-empty',
      says: 'An empty body',
      observe: async (scene) => bodyThrough(scene, Buffer.alloc(0), {}),
    },
    {
      id: 'body-5-mb',
      says: 'A body of 5 MB',
      observe: async (scene) => bodyThrough(scene, Buffer.alloc(5_000_000, 'x'), { 'content-length': 5_000_000 }),
    },
    {
      id: 'body-length-not-asked',
      says: 'Has MESSAGE 1.2 a `content-length`, when SEND had none?',
      observe: async (scene) => ((await through(scene, {})).headers['content-length'] === undefined ? 'no' : 'yes'),
      note: 'In 1.2 a frame with a body should have one.',
    },
    {
      id: 'body-length-not-asked-1.1',
      says: 'Has MESSAGE 1.1 a `content-length`, when SEND had none?',
      observe: async (scene) =>
        (await through(scene, {}, { from: '1.1', to: '1.1' })).headers['content-length'] === undefined ? 'no' : 'yes',
      note: 'NMS.Stomp tells text from bytes by it, so Lockstep sends it to 1.0 and 1.1 only when the SEND had it.',
    },
    {
      id: 'body-length-asked-1.1',
      says: 'Has MESSAGE 1.1 a `content-length`, when SEND had one?',
      observe: async (scene) =>
        (await through(scene, { 'content-length': 4 }, { from: '1.1', to: '1.1' })).headers['content-length'] ===
        undefined
          ? 'no'
          : 'yes',
    },
    {
      id: 'body-length-short',
      says: 'SEND whose body goes on behind its `content-length`',
      observe: async (scene) => saying(scene, send(scene, 'content-length:2\n\nxxxx\0')),
      note: closes,
    },
    {
      id: 'body-length-negative',
      says: 'SEND with `content-length:-1`',
      observe: async (scene) => saying(scene, send(scene, 'content-length:-1\n\nx\0')),
      note: closes,
    },
    {
      id: 'body-length-words',
      says: 'SEND with `content-length:long`',
      observe: async (scene) => saying(scene, send(scene, 'content-length:long\n\nx\0')),
      note: closes,
    },
    {
      id: 'body-of-subscribe',
      says: 'SUBSCRIBE with a body',
      observe: async (scene) => saying(scene, `SUBSCRIBE\nid:1\ndestination:${scene.queue()}\n\nbody\0`),
    },
    {
      id: 'line-ends-between',
      says: 'Two SENDs with LF, CR LF and LF between them',
      observe: async (scene) => twoOf(scene, '\n\r\n\n'),
    },
    {
      id: 'nothing-between',
      says: 'Two SENDs with nothing between them, in one write',
      observe: async (scene) => twoOf(scene, ''),
    },
    {
      id: 'frame-in-pieces',
      says: 'A SEND that comes byte by byte',
      observe: async (scene) => {
        const talk = await scene.client();
        for (const byte of Buffer.from(send(scene, 'k:\\c🐙\nreceipt:sent\n\nböd\0')))
          await talk.raw.pour(Uint8Array.of(byte));
        await talk.receipt('sent');
        await talk.subscribe(scene.queue());
        return (await talk.message()).body.toString();
      },
    },
  ],
};
