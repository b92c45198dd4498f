import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';
import { Broker, defaultBrokerOptions, ImportWriter, noAttributes, readMessage } from '../src/index.ts';
import type { ImportedMessage } from '../src/index.ts';
import { newMessage, noRecords } from './support/test-bench.ts';

const dead = { reason: 'max-deliveries', originalDestination: '/queue/b' };

function imported(queue: string, body: string, count = 0, deadLetter: ImportedMessage['deadLetter'] = null) {
  return { queue, timestampMs: 5_000 + count, count, deadLetter, ...newMessage(body) };
}

const messages = [
  imported('/queue/b', 'first'),
  imported('/queue/b', 'second', 2),
  imported('/queue/a', 'ü', 0),
  imported(defaultBrokerOptions.deadLetterQueue, 'dead', 6, dead),
  imported('/queue/a', 'last', 0x7fff),
  imported('/queue/a', 'plain'),
  { ...imported('/queue/a', 'asking'), attributes: { ...noAttributes, priority: 9, group: 'g' } },
];

/** The commands of one import. */
function commands(of: readonly ImportedMessage[]): Uint8Array[] {
  const writer = new ImportWriter();
  const begin = writer.begin(1_000).slice();
  const parts = of.map((message) => writer.message(message).slice());
  return [begin, ...parts, writer.end().slice()];
}

function apply(broker: Broker, of: readonly Uint8Array[]): void {
  for (const command of of) broker.apply((broker.applied + 1) as JournalPosition, command, noRecords, []);
}

/** `records`: the commands, from position 1 on. */
function listed(broker: Broker, records: readonly Uint8Array[]): unknown[] {
  return [...broker.messages()].map((reference) => {
    const { destination: queue, count } = reference;
    const message = readMessage(records[reference.position - 1]!, reference);
    const { timestampMs, deadLetter, body, headerBlock, envelope, attributes } = message;
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    return {
      queue,
      timestampMs,
      count,
      deadLetter,
      body: text(body),
      headers: text(headerBlock),
      envelope,
      attributes,
    };
  });
}

const expected = ['/queue/ActiveMQ.DLQ', '/queue/a', '/queue/b'].flatMap((queue) =>
  messages
    .filter((message) => message.queue === queue)
    .map(({ headerBlock, body, ...rest }) => ({
      ...rest,
      headers: new TextDecoder().decode(headerBlock),
      body: new TextDecoder().decode(body),
    })),
);

t.test('what is imported lies in its queue as it was, with counts and the past of dead letters', async (t) => {
  const broker = new Broker(defaultBrokerOptions);
  const records = commands(messages);
  apply(broker, records);
  t.same(listed(broker, records), expected);
  const copy = new Broker(defaultBrokerOptions);
  const restore = copy.restore(() => {});
  for (const chunk of broker.snapshot()) restore.write(chunk);
  restore.finish([]);
  t.same(listed(copy, records), expected, 'a snapshot brings it all');
});

t.test('an import that breaks off leaves nothing, and the next one is not disturbed by it', async (t) => {
  const broker = new Broker(defaultBrokerOptions);
  const brokenOff = commands(messages).slice(0, -1);
  apply(broker, brokenOff);
  t.same(listed(broker, brokenOff), []);
  const copy = new Broker(defaultBrokerOptions);
  const restore = copy.restore(() => {});
  for (const chunk of broker.snapshot()) restore.write(chunk);
  restore.finish([]);
  const whole = commands(messages);
  apply(copy, whole);
  t.same(listed(copy, [...brokenOff, ...whole]), expected);
});

t.test('an import of nothing', async (t) => {
  const broker = new Broker(defaultBrokerOptions);
  apply(broker, commands([]));
  t.same(listed(broker, []), []);
});

t.test('an end without all its parts stops the replica', async (t) => {
  const [begin, , ...rest] = commands(messages);
  const broker = new Broker(defaultBrokerOptions);
  t.throws(() => apply(broker, [begin!, ...rest]), /has 7 parts, 6 came/);
});
