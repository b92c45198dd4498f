/** `lockstep` with nodes that have no broker behind them, and that go wrong as FAKE says. */
import { AssertionError, DiskError } from '@lockstep/kernel';

import { run } from '../../src/cli/main.ts';
import type { BrokerNodeOptions } from '../../src/node/types.ts';
import { FakeNode } from '../fake-node.ts';

class OpenNode extends FakeNode {
  override stop(): Promise<void> {
    return process.env['FAKE'] === 'stuck' ? new Promise(() => {}) : super.stop();
  }

  override onFailure(listener: (error: Error) => void): void {
    if (process.env['FAKE'] === 'disk') setImmediate(() => listener(new DiskError('EIO', 'sync', 'journal/1.seg')));
  }
}

await run(process.argv.slice(2), async (options: BrokerNodeOptions) => {
  const listeners = [];
  for (const { kind, listen } of options.listeners) {
    const { address } = await options.network.listen(listen, (connection) => connection.destroy());
    listeners.push({ kind, bound: address, advertised: address } as const);
  }
  if (process.env['FAKE'] === 'assertion') {
    setImmediate(() => {
      throw new AssertionError('two and two are five');
    });
  }
  return new OpenNode(options, { listeners, peers: options.cluster.listen });
});
