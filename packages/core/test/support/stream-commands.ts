import type { JournalPosition } from '@lockstep/kernel';
import { ByteWriter } from '../../src/commands/byte-writer.ts';
import { DestinationNames } from '../../src/commands/destination-names.ts';
import { writeDeadLetters, writeEnqueue, writeMessage, writeSettlementGroup } from '../../src/commands/encoder.ts';
import { commandType, outcomeCode } from '../../src/commands/format.ts';
import type { Outcome } from '../../src/commands/format.ts';
import {
  writeLapse,
  writeMark,
  writeOpenStream,
  writeRefuse,
  writeStreamedHead,
} from '../../src/commands/stream-encoder.ts';
import type { StreamRules } from '../../src/index.ts';
import { ReplicatedState } from '../../src/state/replicated-state.ts';
import { newMessage, RecordSet } from './test-bench.ts';

const names = new DestinationNames();

function command(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(0);
  write(out);
  return out.view(0, out.length);
}

export const openStream = (node: string, run: string): Uint8Array => command((out) => writeOpenStream(out, node, run));
export const lapse = (epoch: number): Uint8Array => command((out) => writeLapse(out, epoch));

export function mark(epoch: number, on: boolean, ...queues: string[]): Uint8Array {
  return command((out) =>
    writeMark(
      out,
      epoch,
      on,
      queues.map((queue) => names.bytesOf(queue)),
    ),
  );
}

export function refuse(epoch: number, number: number, through: number, session = 1, over = 0): Uint8Array {
  const refused = { epoch, number, through, session, over };
  return command((out) => writeRefuse(out, refused, { code: 'store-full', message: 'é full' }));
}

export function enqueue(queue: string, body: string): Uint8Array {
  return command((out) => writeEnqueue(out, commandType.enqueue, names.bytesOf(queue), 1_000, newMessage(body)));
}

export function streamed(
  type: typeof commandType.enqueue | typeof commandType.transactionPart,
  epoch: number,
  number: number,
  queue: string,
  body: string,
): Uint8Array {
  return command((out) => {
    writeStreamedHead(out, epoch, number, type);
    writeMessage(out, names.bytesOf(queue), 1_000, newMessage(body));
  });
}

/** A settlement, or (`parts` given) the end of a transaction. */
export function settled(
  epoch: number,
  number: number,
  queue: string,
  outcome: Outcome,
  positions: readonly number[],
  parts: number | null = null,
): Uint8Array {
  return command((out) => {
    writeStreamedHead(out, epoch, number, parts === null ? commandType.settle : commandType.transactionEnd);
    if (parts !== null) out.number(parts);
    if (positions.length === 0) return;
    const name = names.bytesOf(queue);
    if (outcome === 'dead-letter') writeDeadLetters(out, name, names.bytesOf('/queue/dead'), 'rejected', positions);
    else writeSettlementGroup(out, name, outcomeCode[outcome], positions, 0, positions.length);
  });
}

/** A state to which commands are applied at rising positions, and what its listener hears. */
export class StateBench {
  readonly state: ReplicatedState;
  readonly records: RecordSet = new RecordSet();
  readonly heard: string[] = [];

  constructor(rules?: StreamRules) {
    this.state = new ReplicatedState(new DestinationNames(), rules);
  }

  /** Returns the position. */
  apply(bytes: Uint8Array, position: number = this.state.applied + 1): number {
    const { heard } = this;
    this.state.apply(position as JournalPosition, bytes, this.records, {
      opened: (node, run, epoch) => heard.push(`opened ${node} ${run} ${epoch}`),
      taken: (epoch, number, accepted) => heard.push(`taken ${epoch} ${number}${accepted ? '' : ' not accepted'}`),
      refused: (epoch, number, through, { code, message }) =>
        heard.push(`refused ${epoch} ${number}-${through} ${code} ${message}`),
      marked: (epoch, queues, on) => heard.push(`marked ${epoch} ${queues.join()} ${on}`),
      lapsed: (epoch) => heard.push(`lapsed ${epoch}`),
    });
    return position;
  }

  /** Positions in the queue, `!` behind those whose delivery would be a redelivery. */
  in(queue: string): string[] {
    const found = this.state.queues.get(queue);
    const positions: string[] = [];
    for (let from = 0; found?.list.findFrom(from) === true; from = found.list.position + 1) {
      positions.push(`${found.list.position}${found.foundWasDelivered ? '!' : ''}`);
    }
    return positions;
  }
}
