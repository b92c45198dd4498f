import { randomBytes } from 'node:crypto';

/** What a client says once it is connected, and what the ERROR says. */
export const faults: readonly {
  name: string;
  bytes: string | Buffer;
  error: RegExp;
  receipt?: string;
  halfClose?: boolean;
}[] = [
  { name: 'a frame cut short', bytes: 'SEND\ndestination:/queue/x\n\nabc', error: /no NUL/, halfClose: true },
  { name: 'headers cut short', bytes: 'SEND\ndestination:/que', error: /ended inside a frame/, halfClose: true },
  {
    name: 'a NUL missing after a counted body',
    bytes: 'SEND\ndestination:/queue/x\nreceipt:r\ncontent-length:3\n\nabcdefgh\0',
    error: /^SEND: no NUL after 3 bytes/,
    receipt: 'r',
  },
  { name: 'a header without a colon', bytes: 'SEND\ndestination\n\n\0', error: /^SEND: .*colon/ },
  {
    name: 'a content-length of 1 GB',
    bytes: 'SEND\ndestination:/queue/x\nreceipt:r\ncontent-length:1073741824\n\nabc',
    error: /content-length 1073741824.*16777216 bytes/,
    receipt: 'r',
  },
  {
    name: 'a negative content-length',
    bytes: 'SEND\ndestination:/queue/x\ncontent-length:-1\n\n\0',
    error: /content-length/,
  },
  { name: 'an unknown command', bytes: 'SUBMIT\n\n\0', error: /unknown command/ },
  { name: 'a small letter', bytes: 'send\ndestination:/queue/x\n\n\0', error: /unknown command/ },
  { name: 'binary', bytes: Buffer.concat([Buffer.from([0, 255, 1]), randomBytes(100_000)]), error: /unknown command/ },
  { name: 'TLS', bytes: Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), error: /unknown command/ },
  { name: 'HTTP', bytes: 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', error: /unknown command/ },
  { name: 'an undefined escape', bytes: 'SEND\ndestination:/queue/x\\t\n\n\0', error: /escape/ },
  { name: 'a missing header', bytes: 'SEND\nreceipt:r\n\nabc\0', error: /^SEND: .*destination/, receipt: 'r' },
  { name: 'a second CONNECT', bytes: 'CONNECT\naccept-version:1.2\n\n\0', error: /already connected/ },
  { name: 'a frame of the broker', bytes: 'MESSAGE\ndestination:/queue/x\n\n\0', error: /only the broker/ },
  {
    name: 'an unknown transaction',
    bytes: 'SEND\ndestination:/queue/x\ntransaction:t\nreceipt:r\n\n\0',
    error: /^SEND: unknown transaction "?t/,
    receipt: 'r',
  },
  { name: 'COMMIT of an unknown transaction', bytes: 'COMMIT\ntransaction:t\n\n\0', error: /unknown transaction/ },
  { name: 'ABORT of an unknown transaction', bytes: 'ABORT\ntransaction:t\n\n\0', error: /unknown transaction/ },
  { name: 'ACK in an unknown transaction', bytes: 'ACK\nid:1\ntransaction:t\n\n\0', error: /unknown transaction/ },
  { name: 'ACK of nonsense', bytes: 'ACK\nid:nonsense\nreceipt:r\n\n\0', error: /never given/, receipt: 'r' },
  { name: 'NACK of nonsense', bytes: 'NACK\nid:../../etc\n\n\0', error: /never given/ },
  { name: 'ACK of a number beyond all', bytes: 'ACK\nid:9007199254740993\n\n\0', error: /never given/ },
  { name: 'a huge header block', bytes: `SEND\nx:${'y'.repeat(100_000)}\n\n\0`, error: /65536 bytes/ },
  { name: 'very many headers', bytes: `SEND\n${'a:b\n'.repeat(2000)}\n\0`, error: /1000/ },
  { name: 'a command line without an end', bytes: 'A'.repeat(1_000_000), error: /unknown command A/ },
  { name: 'UNSUBSCRIBE of nothing', bytes: 'UNSUBSCRIBE\nid:5\n\n\0', error: /no subscription/ },
  {
    name: 'a subscription id twice',
    bytes: 'SUBSCRIBE\nid:1\ndestination:/queue/s\n\n\0SUBSCRIBE\nid:1\ndestination:/queue/s\n\n\0',
    error: /already in use/,
  },
  {
    name: '100,000 subscriptions',
    bytes: Array.from({ length: 100_000 }, (_, i) => `SUBSCRIBE\nid:${i}\ndestination:/queue/s${i}\n\n\0`).join(''),
    error: /more than 1000 subscriptions/,
  },
  {
    name: '10,000 open transactions',
    bytes: Array.from({ length: 10_000 }, (_, i) => `BEGIN\ntransaction:${i}\n\n\0`).join(''),
    error: /more than 100 open transactions/,
  },
  {
    name: 'a transaction without end',
    bytes: `BEGIN\ntransaction:t\n\n\0${'SEND\ndestination:/queue/x\ntransaction:t\n\nabc\0'.repeat(20_000)}`,
    error: /more than 10000 frames/,
  },
];
