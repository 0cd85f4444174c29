import { migrate } from '@app/database';
import { Log } from '@app/telemetry';
import { migrations } from '@migrations';
import { loadConfig } from './load-config.js';

/** `main.js migrate`: brings the schema up to date and ends. */
export async function runMigrations(): Promise<number> {
  const config = loadConfig();
  if (config === undefined) return 1;
  const log = new Log('Migrate');
  try {
    await migrate(config, migrations);
    log.info('The schema is up to date');
    return 0;
  } catch (error) {
    log.error('The schema could not be brought up to date', { cause: error });
    return 1;
  }
}
