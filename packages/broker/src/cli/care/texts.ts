/** `1 message`, `1,200 messages`; with other endings than none and `s`: `countText(2, 'entr', 'y', 'ies')`. */
export function countText(count: number, what: string, one = '', more = 's'): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? one : more}`;
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** Of some three digits: `1.2 MB`. */
export function bytesText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
