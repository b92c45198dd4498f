import type { DestinationNames } from '../commands/destination-names.ts';

const destinationBytesMax = 1024;

export function isTopic(destination: string): boolean {
  return destination.startsWith('/topic/');
}

/** `/queue/NAME` or `/topic/NAME`, and not too long. */
export function isDestination(name: string, names: DestinationNames): boolean {
  if (name.length > destinationBytesMax) return false;
  const kind = name.startsWith('/queue/') || isTopic(name);
  if (!kind || name.length <= '/queue/'.length) return false;
  // A UTF-16 unit makes at most three bytes.
  return name.length * 3 <= destinationBytesMax || names.bytesOf(name).length <= destinationBytesMax;
}
