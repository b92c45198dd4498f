/**
 * The STOMP wire protocol: codec, session, connections, and a small client. Knows nothing of how a queue works: a
 * session turns frames into core's requests, and core's effects into frames.
 *
 * It promises that whatever a client sends ends at worst in one ERROR frame and the close of that one connection; that a
 * RECEIPT is written only after the broker's reply to what it is for; and that memory is bounded: what one client takes,
 * and what all of them together have half sent.
 */
export { fullAccess, openAccess } from './access.ts';
export type { Access, AccessControl, Admission, Claim, Claimant, Permission } from './access.ts';
export type { BrokerPort, SessionEndpoint } from './broker-port.ts';
export { parseBrokerUri } from './client/broker-uri.ts';
export type { BrokerAddress, BrokerUri } from './client/broker-uri.ts';
export type { Dial, HeaderList } from './client/client-connection.ts';
export { StompClientError } from './client/client-error.ts';
export type { StompClientErrorCode } from './client/client-error.ts';
export { StompClient } from './client/stomp-client.ts';
export type { ReceivedMessage, SendOptions, StompClientOptions, SubscribeOptions } from './client/stomp-client.ts';
export { defaultFlowOptions } from './connection/flow-options.ts';
export type { FlowOptions } from './connection/flow-options.ts';
export { SessionIds } from './connection/session-ids.ts';
export { StompConnection } from './connection/stomp-connection.ts';
export type { StompConnectionOptions } from './connection/stomp-connection.ts';
export { ConnectionCount, StompListener } from './connection/stomp-listener.ts';
export type { StompListenerOptions } from './connection/stomp-listener.ts';
export { BudgetShare, InputBudget } from './input-budget.ts';
export type { BrokerSelf } from './session/connected-frame.ts';
export { MessageProperties } from './session/message-properties.ts';
export { defaultStompLimits } from './session/limits.ts';
export type { StompLimits } from './session/limits.ts';
