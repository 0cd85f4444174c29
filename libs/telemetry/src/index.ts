export { configureLog, Log, type LogFields, type LogLevel } from './log.js';
