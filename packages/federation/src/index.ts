/**
 * Store-and-forward links between logical brokers. The package has its place in the graph (it will use core, and stomp-server's codec alone) and
 * nothing in it yet.
 */
export {};
