import type { JournalPosition, SessionId } from '@lockstep/kernel';
import t from 'tap';
import { Broker, defaultBrokerOptions } from '../../src/index.ts';
import type { BrokerEffect, MasterMessage } from '../../src/index.ts';
import { openStream, streamed } from '../support/stream-commands.ts';
import { newMessage, noRecords } from '../support/test-bench.ts';
import { commandType } from '../../src/commands/format.ts';

/** The end of one node, whose master the test plays. */
class Node {
  readonly broker: Broker = new Broker({ ...defaultBrokerOptions, node: 'n', run: 'r' });
  readonly effects: BrokerEffect[] = [];
  #position = 0;

  apply(command: Uint8Array): void {
    this.broker.apply(++this.#position as JournalPosition, command, noRecords, this.effects);
    this.broker.flush(this.effects, false);
  }

  send(token: number, destination: string): void {
    const request = { type: 'send', session: 's' as SessionId, token, destination, message: newMessage('m') } as const;
    this.broker.handle(request, this.effects);
    this.broker.flush(this.effects, false);
  }

  hear(message: MasterMessage): void {
    this.broker.fromMaster(message, this.effects);
    this.broker.flush(this.effects, false);
  }
}

const attached = (applied: number): MasterMessage => ({
  ...{ type: 'attached', applied, number: 0, windowBytes: 1000, lapsed: false },
});
const delivery = (applied: number): MasterMessage => ({
  ...{ type: 'deliver', applied, consumers: [1], positions: [applied], sizes: [1], counts: [0] },
});

t.test('a node waits for its own apply until it is attached, and while what came for it lies ahead', (t) => {
  const node = new Node();
  const { broker } = node;
  t.notOk(broker.waitsForApply, 'there is no master to be behind of');
  broker.attach(node.effects);
  t.ok(broker.waitsForApply, 'its stream is to be opened');
  node.apply(openStream('n', 'r'));
  t.ok(broker.waitsForApply, 'the master has not answered');
  node.hear(attached(1));
  t.notOk(broker.waitsForApply);
  node.hear(delivery(2));
  t.ok(broker.waitsForApply);
  node.apply(openStream('other', 'r'));
  t.notOk(broker.waitsForApply);
  node.hear(delivery(9));
  broker.detach(node.effects);
  t.notOk(broker.waitsForApply);
  t.end();
});

t.test('a request for the log waits, one that nobody stores does not', (t) => {
  const node = new Node();
  const { broker } = node;
  broker.attach(node.effects);
  node.apply(openStream('n', 'r'));
  node.hear(attached(1));
  node.send(1, '/topic/t');
  t.ok(broker.outstanding > 0);
  t.notOk(broker.waitsForApply, 'the master will say that it has passed it on');
  node.send(2, '/queue/q');
  t.ok(broker.waitsForApply);
  node.apply(streamed(commandType.enqueue, 1, 1, '/queue/q', 'm'));
  t.notOk(broker.waitsForApply);
  t.end();
});
