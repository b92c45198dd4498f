import t from 'tap';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { DestinationNames } from '../../src/commands/destination-names.ts';
import { ReplicatedState } from '../../src/state/replicated-state.ts';

const queue = '/queue/q';

t.test('a settlement that is begun and undone again and again leaves one hand-out', async (t) => {
  const state = new ReplicatedState(new DestinationNames());
  for (const position of [1, 2, 3]) state.add(state.queue(queue), 4, position, 100, 0, null);
  const dispatcher = new Dispatcher(state, { mayStart: () => true, takesLate: () => false });
  const given: number[] = [];
  const wish = { consumer: 7, destination: queue, prefetchMessages: 2, prefetchBytes: 1000, attributes: null };
  const receiver = {
    node: 'a',
    attached: true,
    deliver: (_consumer: number, position: number): unknown => given.push(position),
  };
  const consumer = dispatcher.subscribe(receiver, wish);
  consumer.queue.serve(consumer, true);
  dispatcher.dispatch();
  t.same(given, [1, 2]);
  for (let i = 0; i < 1000; i++) {
    t.ok(dispatcher.beginSettling(consumer, queue, 1));
    t.notOk(dispatcher.beginSettling(consumer, queue, 1), 'it is under way');
    dispatcher.undoSettling(queue, 1);
  }
  t.same(consumer.held(state.queue(queue).list), [2, 1]);
  t.notOk(consumer.window.hasRoom);
  dispatcher.unsubscribe(consumer);
  t.equal(dispatcher.consumers(queue).out, 0);
});
