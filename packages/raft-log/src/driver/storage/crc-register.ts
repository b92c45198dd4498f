/*
 * The register of a crc32 (reflected, polynomial 0xedb88320, as zlib's `crc32` has it before the final inversion) is linear in what went in. So what a checksum
 * would be over bytes whose own checksum is known can be had without looking at them: only how the register that was there before goes on
 * through as many zeros has to be added.
 */

/** Of an empty input. */
export const emptyRegister: number = -1;

/** `through[k]`: what 2 ** k zero bytes make of a register, by each of its four bytes. */
const through: Int32Array[] = [];
for (let k = 0; k < 30; k++) through.push(k === 0 ? throughOneByte() : twice(through[k - 1]!));

function throughOneByte(): Int32Array {
  const table = new Int32Array(1024);
  for (let value = 0; value < 256; value++) {
    let register = value;
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ ((register & 1) === 0 ? 0 : 0xedb8_8320);
    table[value] = register;
    // The higher bytes only move down.
    for (let byte = 1; byte < 4; byte++) table[byte * 256 + value] = value << (8 * (byte - 1));
  }
  return table;
}

function twice(table: Int32Array): Int32Array {
  return table.map((register) => moved(table, register));
}

function moved(table: Int32Array, register: number): number {
  return (
    table[register & 0xff]! ^
    table[256 + ((register >>> 8) & 0xff)]! ^
    table[512 + ((register >>> 16) & 0xff)]! ^
    table[768 + (register >>> 24)]!
  );
}

/** After so many zero bytes, less than 2 ** 30. */
export function registerAfterZeros(register: number, bytes: number): number {
  let result = register;
  for (let k = 0, rest = bytes; rest > 0; k++, rest >>>= 1) {
    if ((rest & 1) !== 0) result = moved(through[k]!, result);
  }
  return result;
}

/** After four bytes, as a little-endian number. */
export function registerAfterU32(register: number, value: number): number {
  return moved(through[2]!, register ^ value);
}

/** The checksum that zlib's `crc32` would give. */
export function checksumOfRegister(register: number): number {
  return ~register >>> 0;
}
