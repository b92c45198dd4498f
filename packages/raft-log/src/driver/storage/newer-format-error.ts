/** A newer program wrote this file: the older one must not touch it. Start the newer program again. */
export class NewerFormatError extends Error {
  override readonly name = 'NewerFormatError';
  readonly file: string;
  readonly found: number;
  readonly known: number;
  constructor(file: string, found: number, known: number) {
    super(`${file} has format version ${found}, written by a newer Lockstep; this one knows versions up to ${known}`);
    this.file = file;
    this.found = found;
    this.known = known;
  }
}
