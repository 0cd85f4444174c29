export { configureLog, Log, type LogFields, type LogLevel } from './log.js';
export { type ErrorType, Metrics } from './metrics.js';
export { TelemetryModule } from './telemetry.module.js';
