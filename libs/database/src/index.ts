export { DatabaseHealth, type DatabaseState } from './database-health.js';
export { DatabaseModule } from './database.module.js';
export { migrate, type Migrations } from './migrator.js';
export { Postgres } from './postgres.js';
export { Revisions } from './revisions.js';
export type { SchemaState } from './schema-state.js';
export { isUniqueViolation } from './sqlstate.js';
export { DatabaseStartError } from './start-error.js';
