import t from 'tap';

import { decodeText, decodeTextStrictly, encodeText } from '../src/text.ts';

t.test('text comes back as it was, beyond ASCII and beyond 16 bits as well', (t) => {
  for (const text of ['', 'plain', 'grüße', '\u{1f680}', '\ufeffmark']) {
    t.equal(decodeText(encodeText(text)), text);
    t.equal(decodeTextStrictly(encodeText(text)), text);
  }
  t.end();
});

t.test('bytes that are not UTF-8: replaced, or nothing where that matters', (t) => {
  const broken = Uint8Array.of(0x61, 0xff, 0x62);
  t.equal(decodeText(broken), 'a\ufffdb');
  t.equal(decodeTextStrictly(broken), null);
  t.end();
});
