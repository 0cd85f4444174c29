import { Config, ConfigError } from '@app/config';
import { configureLog } from '@app/telemetry';

/** Undefined, with every problem on stderr, when the environment does not fit. */
export function loadConfig(): Config | undefined {
  try {
    const config = Config.load(process.env);
    configureLog(config.log);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
}
