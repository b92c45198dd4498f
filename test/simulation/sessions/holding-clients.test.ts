import { encodeText } from '@lockstep/kernel';
import { FrameParser } from '@lockstep/stomp-server/codec';
import { SimRandom, SimWorld } from '@lockstep/testkit';
import t from 'tap';

import { Ledger } from '../../harness/ledger.ts';
import type { SimClient } from '../sim-client.ts';
import { heldDestination, HoldingConsumer } from './holding-clients.ts';

const limits = { headerBytesMax: 1000, headersMax: 10, bodyBytesMax: 1000 };

/** A consumer whose client takes everything and says nothing. */
class Holding {
  readonly ledger: Ledger = new Ledger();
  readonly #client = { open: false, send() {} } as unknown as SimClient;
  readonly #consumer: HoldingConsumer;

  constructor() {
    const { clock } = new SimWorld(1).host('clients').start();
    this.#consumer = new HoldingConsumer({
      ...{ name: 'hc1', ledger: this.ledger, random: new SimRandom(1), clock, prefetch: 4 },
    });
    this.connect();
  }

  connect(): void {
    this.#consumer.connected(this.#client);
  }

  disconnect(): void {
    this.#consumer.disconnected();
  }

  /** Message `number` of the producer, which stands at that place in the log too. */
  hear(number: number): void {
    this.ledger.sent(`hs1-${number}`);
    const parser = new FrameParser(limits);
    parser.version = '1.2';
    const headers = `destination:${heldDestination}\nmessage-id:${number}\nsubscription:0\nack:${number}`;
    parser.feed(encodeText(`MESSAGE\n${headers}\n\nhs1-${number}\0`));
    this.#consumer.frame(this.#client, parser.next()!);
  }
}

t.test('on one connection the order of each producer holds', (t) => {
  const holding = new Holding();
  holding.hear(23);
  holding.hear(17);
  t.same(holding.ledger.verdict().disorder, ['hs1-17 after hs1-23 at hc1 (1)']);
  t.end();
});

t.test('who connects anew begins with the oldest there is', (t) => {
  const holding = new Holding();
  holding.hear(23);
  holding.disconnect();
  holding.connect();
  holding.hear(17);
  holding.hear(29);
  t.same(holding.ledger.verdict().disorder, []);
  t.end();
});
