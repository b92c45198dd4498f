import { encodeText } from '@lockstep/kernel';
import { FrameParser } from '@lockstep/stomp-server/codec';
import type { Frame } from '@lockstep/stomp-server/codec';
import t from 'tap';

import { topic, TopicListener } from './sim-topic.ts';

const limits = { headerBytesMax: 1000, headersMax: 10, bodyBytesMax: 1000 };

/** Message `number`, sent on the talker's connection 1. */
function message(number: number, messageId: string): Frame {
  const parser = new FrameParser(limits);
  parser.version = '1.2';
  parser.feed(encodeText(`MESSAGE\ndestination:${topic}\nmessage-id:${messageId}\n\nt-${number} 1\0`));
  return parser.next()!;
}

function listening(): TopicListener {
  const listener = new TopicListener({ sent: 9 });
  listener.connected({ send() {} });
  return listener;
}

function hear(listener: TopicListener, ...heard: [number, string][]): void {
  for (const [number, messageId] of heard) listener.frame(null, message(number, messageId));
}

t.test('what comes once and in order is fine, with gaps', (t) => {
  const listener = listening();
  hear(listener, [1, 'v7-1'], [4, 'v7-4'], [9, 'v7-9']);
  t.same(listener.errors, []);
  t.equal(listener.heard, 3);
  t.end();
});

t.test('on one connection nothing comes twice, out of order, or unsent', (t) => {
  const listener = listening();
  hear(listener, [3, 'v7-3'], [3, 'v7-3'], [2, 'v7-2'], [10, 'v7-10']);
  t.same(listener.errors, [
    'topic: t-3 came twice',
    'topic: t-3 after t-3',
    'topic: t-2 after t-3',
    'topic: t-10 was never sent',
  ]);
  t.end();
});

t.test('on another connection a message may come again, as the same publication', (t) => {
  const listener = listening();
  hear(listener, [3, 'v7-3'], [4, 'v7-4']);
  listener.connected({ send() {} });
  hear(listener, [3, 'v7-3'], [4, 'v8-1']);
  t.same(listener.errors, ['topic: t-4 came as v7-4 and as v8-1']);
  t.end();
});
