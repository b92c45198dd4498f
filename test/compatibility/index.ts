/** One suite of behaviours for several servers, and the page of what came of it. */
export { behaviours, sections } from './behaviours/index.ts';
export { observeAll } from './run.ts';
export type { RunningServer, Server } from './server.ts';
export { startActiveMq } from './servers/activemq.ts';
export { startLockstep } from './servers/lockstep.ts';
export { startRabbitMq } from './servers/rabbitmq.ts';
export { columns, parse, render, summary, unexplained } from './table.ts';
export type { Outcomes } from './table.ts';
