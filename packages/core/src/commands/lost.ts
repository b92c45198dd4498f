import { commandType, commandVersion } from './format.ts';

/**
 * Stands in a repaired log in the place of an entry that was lost, or is given up: it may have been of any stream, so that each may go on behind a
 * gap, and of any transaction under way.
 */
export const lostCommand: Uint8Array = Uint8Array.of(commandVersion, commandType.lost);
