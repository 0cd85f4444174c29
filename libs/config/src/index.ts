export { Config, ConfigError, type PostgresServer } from './config.js';
export { ConfigModule } from './config.module.js';
export { configurationPage } from './configuration-page.js';
export { ServerInfo } from './server-info.js';
export type { TracingConfig } from './tracing.js';
