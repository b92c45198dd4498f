import type { RecordFault } from '../record.ts';
import type { RecordCursor } from './record-cursor.ts';

/** Somebody's bound on how much is read and written in a time: called after so many bytes, goes on when it resolves. */
export type Pace = (bytes: number) => Promise<void>;

export interface MergeSink {
  /** Positions ascend. Null: it is taken already. */
  add(position: number, record: Uint8Array): Promise<void> | null;
  /** No cursor has an intact copy of it. */
  damaged(position: number, fault: RecordFault): void;
}

/** Takes the records of all cursors in the order of their positions, each once, an intact copy if there is one. */
export async function mergeRecords(cursors: readonly RecordCursor[], sink: MergeSink, pace: Pace): Promise<void> {
  for (;;) {
    const position = lowest(cursors);
    if (position === null) return;
    let done = false;
    let fault = '';
    for (const cursor of cursors) {
      if (cursor.position !== position) continue;
      if (!done) {
        if (cursor.record === null) await pace(await cursor.load());
        const record = cursor.record!;
        if (typeof record === 'string') fault = record;
        else {
          const adding = sink.add(position, record);
          if (adding !== null) await adding;
          done = true;
        }
      }
      cursor.advance();
    }
    if (!done) sink.damaged(position, fault);
  }
}

function lowest(cursors: readonly RecordCursor[]): number | null {
  let lowest: number | null = null;
  for (const { position } of cursors) {
    if (position !== null && (lowest === null || position < lowest)) lowest = position;
  }
  return lowest;
}
