import t from 'tap';

import { readProxyHeader } from '../../../src/ports/clients/proxy-header.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

function binary(command: number, family: number, payload: readonly number[]): Buffer {
  const head = [command, family, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), Buffer.from([...head, ...payload])]);
}

const V4 = [10, 1, 2, 3, 192, 168, 0, 1, 0x1f, 0x90, 0, 80];
const V6 = [...Array.from({ length: 15 }, () => 0), 1, ...Array.from({ length: 16 }, () => 9), 0, 7, 0, 8];

const whole: readonly (readonly [string, Buffer, { host: string; port: number } | null])[] = [
  ['version 1, IPv4', Buffer.from('PROXY TCP4 10.1.2.3 192.168.0.1 8080 80\r\n'), { host: '10.1.2.3', port: 8080 }],
  ['version 1, IPv6', Buffer.from('PROXY TCP6 fe80::1 ::1 7 8\r\n'), { host: 'fe80::1', port: 7 }],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), null],
  ['version 2, IPv4', binary(0x21, 0x11, V4), { host: '10.1.2.3', port: 8080 }],
  ['version 2, IPv6', binary(0x21, 0x21, V6), { host: '::1', port: 7 }],
  [
    'version 2, with more behind the addresses',
    binary(0x21, 0x11, [...V4, 3, 0, 1, 9]),
    { host: '10.1.2.3', port: 8080 },
  ],
  ['version 2, the proxy itself', binary(0x20, 0, []), null],
  ['version 2, of a kind without addresses', binary(0x21, 0, [1, 2, 3]), null],
];

for (const [name, header, source] of whole) {
  t.test(name, (t) => {
    const state = 'whole';
    t.same(readProxyHeader(header), { state, source, length: header.length });
    const behind = Buffer.concat([header, Buffer.from('CONNECT\n')]);
    t.same(readProxyHeader(behind), { state, source, length: header.length }, 'what follows is not looked at');
    for (let cut = 0; cut < header.length; cut += 1) {
      t.equal(readProxyHeader(header.subarray(0, cut)).state, 'partial', `its first ${cut} bytes`);
    }
    t.end();
  });
}

t.test('what is none is known by its first wrong byte, and bounded', (t) => {
  const bad: readonly (readonly [string, Buffer])[] = [
    ['STOMP', Buffer.from('C')],
    ['STOMP of a client that begins as the proxy', Buffer.from('PROXYX')],
    ['a line without end', Buffer.from(`PROXY TCP4 ${'1'.repeat(96)}`)],
    ['no address', Buffer.from('PROXY TCP4 host 1.2.3.4 1 2\r\n')],
    ['an address of the other family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['no port', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 x 2\r\n')],
    ['a port too high', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n')],
    ['another family', Buffer.from('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['version 3', binary(0x31, 0x11, V4)],
    ['no command', binary(0x22, 0x11, V4)],
    ['longer than anybody needs', Buffer.concat([binary(0x21, 0x11, []).subarray(0, 14), Buffer.from([0xff, 0xff])])],
  ];
  for (const [name, bytes] of bad) t.equal(readProxyHeader(bytes).state, 'bad', name);
  t.end();
});
