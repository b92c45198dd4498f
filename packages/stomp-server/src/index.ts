/**
 * The STOMP wire protocol: codec, session, connections. Knows nothing of how a queue works: a session turns frames into core's
 * requests, and core's effects into frames.
 */
export type { BrokerPort, SessionEndpoint } from './broker-port.ts';
