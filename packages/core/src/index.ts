/**
 * Destinations and dispatch. The replicated state machine (deterministic: the same commands give the same state on every replica),
 * and beside it the dispatcher, which is volatile and works on the master alone. Knows neither terms nor frames nor sockets.
 */
export type { BrokerEffect, DeadLetter, Effect, Message, MessageReference, StoredDelivery } from './effects.ts';
export { decodeAttributes, encodeAttributes } from './commands/attributes.ts';
export { defaultPriority, noAttributes, priorityMax } from './attributes.ts';
export { noConsumerAttributes } from './consumer-attributes.ts';
export type { ConsumerAttributes } from './consumer-attributes.ts';
export type { MessageAttributes, MessageSchedule } from './attributes.ts';
export type { LiveRecords } from './live-records.ts';
export { readMessage, toDelivery } from './read-message.ts';
export type { Proposer } from './proposer.ts';
export type { AckMode, NackAction, NewMessage, Refusal, Request, Settlement } from './requests.ts';
export { Broker } from './broker.ts';
export { discardCommand } from './commands/discard.ts';
export { lostCommand } from './commands/lost.ts';
export { inspectCommand } from './commands/inspect.ts';
export type { CommandSummary } from './commands/inspect.ts';
export type { BrokerRestore, LiveMessage } from './broker.ts';
export { ImportWriter } from './import-writer.ts';
export type { ImportedMessage } from './import-writer.ts';
export { defaultBrokerOptions } from './options.ts';
export type { BrokerOptions } from './options.ts';
export type { DestinationPolicy } from './destination-policy.ts';
export type {
  AttachedConsumer,
  ConsumerKey,
  ConsumerWish,
  PublishedMessage,
  SettlementGroup,
  TopicInterest,
} from './stream/messages.ts';
export type { MasterMessage, NodeMessage } from './stream/messages.ts';
export { StreamRules } from './stream/stream-rules.ts';
export type {
  ConsumerFacts,
  DispatchFacts,
  HolderFacts,
  MessageFacts,
  QueueFacts,
  QueueStatus,
  SubscriptionFacts,
  TopicStatus,
} from './status.ts';
export { parseSelector, Selector, selectorLengthMax } from './selector/selector.ts';
export { explainSelectorError } from './selector/selector-error.ts';
export type { SelectorError } from './selector/selector-error.ts';
export type { PropertySource } from './selector/values.ts';
