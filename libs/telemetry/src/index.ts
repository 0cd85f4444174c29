export { configureLog, Log } from './log.js';
export { type ErrorType, Metrics } from './metrics.js';
export { TelemetryModule } from './telemetry.module.js';
