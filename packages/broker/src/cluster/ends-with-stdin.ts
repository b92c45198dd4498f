/** The variable that tells a node to stop when its standard input ends: whoever started it holds the other end, and is gone then. */
export const endsWithStdin = 'LOCKSTEP_ENDS_WITH_STDIN';
