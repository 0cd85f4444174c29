export { configureLog, Log } from './log.js';
export { type ErrorType, Metrics, type RegistryOperation } from './metrics.js';
export { TelemetryModule } from './telemetry.module.js';
