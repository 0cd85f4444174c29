export { DatabaseHealth } from './database-health.js';
export { DatabaseModule } from './database.module.js';
export { migrate, type Migrations } from './migrator.js';
export { Postgres } from './postgres.js';
export { Revisions } from './revisions.js';
export { isDatabaseAway, isUniqueViolation } from './sqlstate.js';
