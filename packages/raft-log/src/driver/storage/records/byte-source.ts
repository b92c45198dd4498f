/** A file that records are read from, whatever it is called today. */
export interface ByteSource {
  /** Of this file alone, as long as the process lives. */
  readonly id: number;
  readonly path: string;
  /** What lies before this never changes any more. */
  readonly settledEnd: number;
  /** As `DiskFile.read`; may overlap. Goes on to work for those that began before the file was removed. */
  read(into: Uint8Array, position: number): Promise<number>;
}

/** Where a record stands; it ends at or before `limit`. */
export interface RecordSpan {
  readonly source: ByteSource;
  readonly offset: number;
  readonly limit: number;
}

let sources = 0;

export function nextSourceId(): number {
  sources += 1;
  return sources;
}
