export { configureLog, Log } from './log.js';
export {
  ERROR_TYPE,
  type ErrorType,
  type LimitName,
  type RegistryOperation,
  type Wait,
  type WebSocketEnd,
} from './metric-labels.js';
export { Metrics } from './metrics.js';
export { metricsPage } from './metrics-page.js';
export { TelemetryModule } from './telemetry.module.js';
export type { Span, SpanAttributes } from './span.js';
export { Traces } from './traces.js';
