/** Fuzzing of the server side of STOMP: streams made by a grammar, damaged, cut anywhere, with a moody broker behind. */
export { parseCase, printCase } from './corpus.ts';
export { faultOf, minimise, sourceOf } from './fuzz-case.ts';
export { FuzzServer } from './fuzz-server.ts';
export type { FuzzCase, FuzzResult } from './fuzz-server.ts';
