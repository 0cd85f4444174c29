export { DurableModule } from './durable.module.js';
export { Executor } from './executor.js';
export { Work, type Worker } from './work.js';
