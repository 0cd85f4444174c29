import { loadConfig } from './load-config.js';

/** `main.js config`: the effective configuration as JSON, secrets masked. */
export function printConfig(): Promise<number> {
  const config = loadConfig();
  if (config === undefined) return Promise.resolve(1);
  process.stdout.write(`${JSON.stringify(config.effective(), null, 2)}\n`);
  return Promise.resolve(0);
}
