/** A PostgreSQL in DATA_DIR for several replicas: the one that a server has embedded when it is alone. */
import { Config } from '../../dist/libs/config/src/index.js';
import { Postgres } from '../../dist/libs/database/src/index.js';

const postgres = await Postgres.open(Config.load(process.env));
process.once('SIGTERM', () => void postgres.stop().then(() => process.exit()));
console.log(`Listening ${JSON.stringify({ url: postgres.url })}`);
