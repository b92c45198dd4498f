import { Broker, defaultBrokerOptions } from '@lockstep/core';
import type { Effect } from '@lockstep/core';
import type { JournalPosition, SessionId } from '@lockstep/kernel';
import type { CommittedCommand, ProposeRefusal } from '@lockstep/raft-log';
import type { SessionEndpoint } from '@lockstep/stomp-server';
import { SimWorld } from '@lockstep/testkit';
import t from 'tap';

import { SessionHost } from '../../src/node/session-host.ts';

class Endpoint implements SessionEndpoint {
  readonly effects: Effect[] = [];
  flushes = 0;
  resumes = 0;
  abandoned = 0;
  effect(effect: Effect): void {
    this.effects.push(effect);
  }
  flush(): void {
    this.flushes++;
  }
  resume(): void {
    this.resumes++;
  }
  abandon(): void {
    this.abandoned++;
  }
}

/** A host whose log commits when the test says so. */
class HostBench {
  readonly world: SimWorld = new SimWorld(1);
  readonly host: SessionHost;
  readonly proposed: CommittedCommand[] = [];
  leading = true;
  persistedIndex = Infinity;
  refusing = false;
  #position = 0;

  constructor(underWayBytesMax = 1000) {
    const { clock } = this.world.host('node').start();
    const broker = new Broker(defaultBrokerOptions);
    const log = {
      propose: (commands: readonly Uint8Array[]): JournalPosition | ProposeRefusal => {
        if (this.refusing) return { reason: 'no-quorum' };
        const first = this.#position + 1;
        for (const payload of commands) {
          this.proposed.push({ position: ++this.#position as JournalPosition, payload: payload.slice() });
        }
        return first as JournalPosition;
      },
      leading: (): boolean => this.leading,
      persistedIndex: (): number => this.persistedIndex,
    };
    this.host = new SessionHost(clock, broker, log, underWayBytesMax);
    this.host.becomeMaster();
  }

  async turn(): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + 1);
  }

  /** As long as the host takes to look again of its own accord. */
  async soon(): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + 50);
  }

  async commit(): Promise<void> {
    this.host.apply(this.proposed.splice(0));
    await this.turn();
  }

  attach(name: string): Endpoint {
    const endpoint = new Endpoint();
    this.host.attach(name as SessionId, endpoint);
    return endpoint;
  }

  send(name: string, token: number, bytes = 10, destination = '/queue/q'): void {
    const message = { envelope: 2, headerBlock: new Uint8Array(0), body: new Uint8Array(bytes) };
    this.host.submit({ type: 'send', session: name as SessionId, token, destination, message });
  }
}

t.test('a reply comes only when the command has been applied, and its session writes once a turn', async (t) => {
  const bench = new HostBench();
  const endpoint = bench.attach('s');
  bench.send('s', 1);
  bench.send('s', 2);
  await bench.turn();
  t.same(endpoint.effects, []);
  await bench.commit();
  t.same(
    endpoint.effects.map((effect) => effect.type === 'reply' && effect.token),
    [1, 2],
  );
  t.equal(endpoint.flushes, 1);
});

t.test('too much under way: readers wait, and are called when there is room', async (t) => {
  const bench = new HostBench(1000);
  const endpoint = bench.attach('s');
  t.ok(bench.host.accepting);
  bench.send('s', 1, 2000);
  t.notOk(bench.host.accepting);
  bench.host.callWhenAccepting(endpoint);
  await bench.turn();
  t.equal(endpoint.resumes, 0);
  await bench.commit();
  t.equal(endpoint.resumes, 1);
  t.ok(bench.host.accepting);
});

t.test('without a majority nothing is handed out and nobody is read; with one again, both go on', async (t) => {
  const bench = new HostBench();
  const endpoint = bench.attach('s');
  const subscribe = { token: 1, subscription: 1, destination: '/queue/q', prefetchMessages: 10, prefetchBytes: 1000 };
  bench.host.submit({ type: 'subscribe', session: 's' as SessionId, ...subscribe });
  bench.send('s', 2);
  await bench.turn();
  bench.leading = false;
  t.notOk(bench.host.accepting);
  bench.host.callWhenAccepting(endpoint);
  await bench.commit();
  t.notOk(endpoint.effects.some(({ type }) => type === 'deliver'));
  bench.leading = true;
  await bench.soon();
  t.ok(endpoint.effects.some(({ type }) => type === 'deliver'));
  t.equal(endpoint.resumes, 1);
});

t.test('committed without the own disk: still under way, until that has caught up', async (t) => {
  const bench = new HostBench(1000);
  const endpoint = bench.attach('s');
  bench.persistedIndex = 0;
  bench.send('s', 1, 2000);
  await bench.commit();
  t.ok(
    endpoint.effects.some(({ type }) => type === 'reply'),
    'the receipt does not wait for it',
  );
  t.notOk(bench.host.accepting);
  bench.host.callWhenAccepting(endpoint);
  await bench.soon();
  t.equal(endpoint.resumes, 0);
  bench.persistedIndex = Infinity;
  await bench.soon();
  t.equal(endpoint.resumes, 1);
});

t.test('settlements that could not be proposed are proposed a little later', async (t) => {
  const bench = new HostBench(1000);
  const endpoint = bench.attach('s');
  const subscribe = { token: 1, subscription: 1, destination: '/queue/q', prefetchMessages: 10, prefetchBytes: 1000 };
  bench.host.submit({ type: 'subscribe', session: 's' as SessionId, ...subscribe });
  bench.send('s', 2);
  await bench.commit();
  const [delivery] = endpoint.effects.filter((effect) => effect.type === 'deliver');
  bench.leading = false;
  bench.refusing = true;
  const settlement = { subscription: 1, outcome: 'ack' as const, tags: [delivery!.tag] };
  bench.host.submit({ type: 'settle', session: 's' as SessionId, token: 3, settlement });
  await bench.soon();
  t.equal(bench.proposed.length, 0);
  bench.refusing = false;
  await bench.soon();
  t.equal(bench.proposed.length, 1);
});

t.test('held: nobody is read, what is under way is answered', async (t) => {
  const bench = new HostBench();
  const endpoint = bench.attach('s');
  bench.send('s', 1);
  bench.host.hold(true);
  t.notOk(bench.host.accepting);
  await bench.commit();
  t.equal(endpoint.effects.length, 1);
});

t.test('mastership lost: connections are let go, and nothing that comes later is answered', async (t) => {
  const bench = new HostBench();
  const endpoint = bench.attach('s');
  bench.send('s', 1);
  await bench.turn();
  bench.host.resign();
  t.equal(endpoint.abandoned, 1);
  await bench.commit();
  bench.send('s', 2);
  await bench.turn();
  t.same(endpoint.effects, []);
  t.equal(bench.proposed.length, 0);
});

t.test('a session that the broker closes gets the reason, and no more effects', async (t) => {
  const bench = new HostBench(1e9);
  const endpoint = bench.attach('s');
  const subscribe = { token: 1, subscription: 1, destination: '/topic/t', prefetchMessages: 1, prefetchBytes: 1 };
  bench.host.submit({ type: 'subscribe', session: 's' as SessionId, ...subscribe });
  bench.attach('p');
  await bench.turn();
  for (let token = 1; token <= 20; token++) bench.send('p', token, 1024 * 1024, '/topic/t');
  await bench.turn();
  t.equal(endpoint.effects.at(-1)?.type, 'closeSession');
  const count = endpoint.effects.length;
  bench.send('p', 99, 10, '/topic/t');
  await bench.turn();
  t.equal(endpoint.effects.length, count);
});
