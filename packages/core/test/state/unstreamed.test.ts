import t from 'tap';
import { ByteWriter } from '../../src/commands/byte-writer.ts';
import { DestinationNames } from '../../src/commands/destination-names.ts';
import { writeEnqueue, writeOpen, writeSettlementGroup } from '../../src/commands/encoder.ts';
import { commandType, commandVersion } from '../../src/commands/format.ts';
import { digestOf } from '../../src/snapshot/digest.ts';
import { StateSnapshot } from '../../src/snapshot/write.ts';
import { openStream, StateBench, streamed } from '../support/stream-commands.ts';
import { newMessage } from '../support/test-bench.ts';

const queue = '/queue/q';
const names = new DestinationNames();

function command(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(0);
  write(out);
  return out.view(0, out.length);
}

function part(body: string): Uint8Array {
  return command((out) =>
    writeEnqueue(out, commandType.transactionPart, names.bytesOf(queue), 1_000, newMessage(body)),
  );
}

function end(parts: number, settled: readonly number[]): Uint8Array {
  return command((out) => {
    out.byte(commandVersion);
    out.byte(commandType.transactionEnd);
    out.number(parts);
    writeSettlementGroup(out, names.bytesOf(queue), 0, settled, 0, settled.length);
  });
}

const open = command((out) => writeOpen(out, 5, { idsMax: 0, ageMs: 0 }));

t.test('transactions as logs of earlier versions have them take effect as they did', async (t) => {
  const bench = new StateBench();
  bench.apply(part('1'));
  bench.apply(part('2'));
  t.same(bench.in(queue), []);
  bench.apply(end(2, []));
  t.same(bench.in(queue), ['1', '2']);
  bench.apply(part('3'));
  bench.apply(end(1, [2, 9]));
  t.same(bench.in(queue), ['1', '2'], 'refused as a whole, and nothing is marked');
  bench.apply(part('4'));
  bench.apply(end(1, [2]));
  t.same(bench.in(queue), ['1', '6']);
  t.same([...bench.records.positions], [1, 6]);
  t.same(bench.heard, [], 'no stream has to do with it');
});

t.test('a new mastership voids parts without a stream, and leaves those of streams', async (t) => {
  const bench = new StateBench();
  const epoch = bench.apply(openStream('a', 'r'));
  bench.apply(streamed(commandType.transactionPart, epoch, 1, queue, 'of a stream'));
  bench.apply(part('of none'));
  bench.apply(open);
  t.same([...bench.records.positions], [2]);
  t.equal(bench.state.parts.length, 0);
  t.equal(bench.state.streams.get('a')!.parts.length, 1);
  t.same(bench.state.opening, { position: 4, wallMs: 5 });
  t.not(digestOf(new StateSnapshot(bench.state)), digestOf(new StateSnapshot(new StateBench().state)));
});
