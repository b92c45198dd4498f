/** One real node with policies of destinations, as a client sees them over the wire; and what SIGHUP changes. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';

import t from 'tap';
import type { Test } from 'tap';

import { started } from './program.ts';

const configuration = (destinations: string): string =>
  `data: data\nlisteners: [{ stomp: 0 }]\ndestinations: ${destinations}\n`;

/** A client that speaks STOMP 1.2 by hand. */
class Talk {
  readonly #socket: Socket;
  #text = '';

  constructor(t: Test, port: number) {
    this.#socket = connect(port, '127.0.0.1').setEncoding('utf8');
    t.teardown(() => this.#socket.destroy());
    this.#socket.on('data', (text: string) => (this.#text += text));
  }

  say(command: string, headers: Readonly<Record<string, string>>, body = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.#socket.write(`${command}\n${lines.join('')}\n${body}\0`);
  }

  /** The next frame. */
  async hear(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf('\0');
      if (end !== -1) {
        const frame = this.#text.slice(0, end).trimStart();
        this.#text = this.#text.slice(end + 1);
        return frame;
      }
      await once(this.#socket, 'data');
    }
  }

  async message(): Promise<{ readonly ack: string; readonly text: string }> {
    const text = await this.hear();
    return { ack: /^ack:(.*)$/m.exec(text)?.[1] ?? '', text };
  }
}

async function connected(t: Test, port: number): Promise<Talk> {
  const talk = new Talk(t, port);
  talk.say('CONNECT', { 'accept-version': '1.2', host: 'h' });
  t.match(await talk.hear(), /^CONNECTED\n/);
  return talk;
}

t.test('queues have their own limits of deliveries and dead letter queues; SIGHUP brings others', async (t) => {
  const rules =
    '[{ match: /queue/orders.>, maxDeliveries: 2, deadLetter: individual }, { match: /queue/log, deadLetter: none }]';
  const directory = t.testdir({ 'lockstep.yaml': configuration(rules) });
  const file = join(directory, 'lockstep.yaml');
  const program = started(['start', '--config', file]);
  t.teardown(() => program.child.kill('SIGKILL'));
  const port = Number(
    String((await program.line('ready'))['stomp'])
      .split(':')
      .at(-1),
  );
  const talk = await connected(t, port);
  const queues = ['orders.eu', 'log', 'DLQ.orders.eu', 'ActiveMQ.DLQ', 'other'];
  for (const name of queues) {
    talk.say('SUBSCRIBE', { id: name, destination: `/queue/${name}`, ack: 'client-individual', receipt: name });
    t.equal((await talk.hear()).trim(), `RECEIPT\nreceipt-id:${name}`);
  }
  const nack = async (more: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { ack, text } = await talk.message();
    talk.say('NACK', { id: ack, ...more });
    return text;
  };

  talk.say('SEND', { destination: '/queue/orders.eu' }, 'order');
  await nack();
  t.match(await nack(), /\ndelivery-count:2\n/);
  const dead = await talk.message();
  t.match(dead.text, /\nsubscription:DLQ\.orders\.eu\n/);
  t.match(dead.text, /\ndead-letter-reason:max-deliveries\noriginal-destination:\/queue\/orders\.eu\n/);
  talk.say('ACK', { id: dead.ack });

  talk.say('SEND', { destination: '/queue/log' }, 'dropped');
  await nack({ action: 'dead-letter' });
  talk.say('SEND', { destination: '/queue/other' }, 'shared');
  await nack({ action: 'dead-letter' });
  const shared = await talk.message();
  t.match(shared.text, /\nsubscription:ActiveMQ\.DLQ\n/);
  t.match(shared.text, /\n\nshared$/, 'what was dropped is nowhere');

  await writeFile(file, configuration('[{ match: ">", maxDeliveries: 1 }]'));
  program.child.kill('SIGHUP');
  t.match(await program.line('read users, permissions, certificates, destinations and log level anew'), {
    destinations: 1,
  });
  talk.say('SEND', { destination: '/queue/orders.eu' }, 'second');
  await nack();
  t.match((await talk.message()).text, /\nsubscription:ActiveMQ\.DLQ\n/);
});

t.test('a subscription may say how often, for what it gives back', async (t) => {
  const directory = t.testdir({ 'lockstep.yaml': configuration('[]') });
  const program = started(['start', '--config', join(directory, 'lockstep.yaml')]);
  t.teardown(() => program.child.kill('SIGKILL'));
  const port = Number(
    String((await program.line('ready'))['stomp'])
      .split(':')
      .at(-1),
  );
  const talk = await connected(t, port);
  talk.say('SUBSCRIBE', { id: 's', destination: '/queue/q', ack: 'client', 'max-deliveries': '1' });
  talk.say('SUBSCRIBE', { id: 'd', destination: '/queue/ActiveMQ.DLQ' });
  talk.say('SEND', { destination: '/queue/q' }, 'm');
  talk.say('NACK', { id: (await talk.message()).ack });
  t.match(await talk.hear(), /\nsubscription:d\n/);
});

t.test('a SEND that is repeated gets its receipt and makes no double, also after the node was killed', async (t) => {
  const directory = t.testdir({ 'lockstep.yaml': configuration('[]') });
  for (const round of ['first', 'second']) {
    const program = started(['start', '--config', join(directory, 'lockstep.yaml')]);
    t.teardown(() => program.child.kill('SIGKILL'));
    const port = Number(
      String((await program.line('ready'))['stomp'])
        .split(':')
        .at(-1),
    );
    const talk = await connected(t, port);
    for (const header of ['duplicate-id', '_AMQ_DUPL_ID']) {
      talk.say('SEND', { destination: '/queue/q', [header]: 'order-4711', receipt: header }, round);
      t.equal((await talk.hear()).trim(), `RECEIPT\nreceipt-id:${header}`);
    }
    talk.say('SEND', { destination: '/queue/q', 'duplicate-id': `of-${round}` }, `new in the ${round}`);
    if (round === 'second') {
      talk.say('SUBSCRIBE', { id: 's', destination: '/queue/q' });
      const bodies = [await talk.hear(), await talk.hear(), await talk.hear()].map((frame) => frame.split('\n\n')[1]);
      t.same(bodies, ['first', 'new in the first', 'new in the second']);
    } else {
      talk.say('SEND', { destination: '/queue/other', receipt: 'last' });
      await talk.hear();
    }
    program.child.kill('SIGKILL');
    await program.ended;
  }
});
