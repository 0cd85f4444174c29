/** A process with an embedded PostgreSQL in DATA_DIR, as the server has one: to be killed, or to be another user's. */
import { Config } from '../../dist/libs/config/src/index.js';
import { Postgres } from '../../dist/libs/database/src/postgres.js';

try {
  const postgres = await Postgres.open(Config.load(process.env));
  process.once('SIGTERM', () => void postgres.stop().then(() => process.exit(0)));
  process.stdout.write(`${JSON.stringify({ message: 'Open', url: postgres.url })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ message: 'Failed', name: error.name, text: error.message })}\n`);
  process.exit(1);
}
