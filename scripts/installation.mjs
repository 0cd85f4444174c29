/** Where the server of this directory is and which key opens it, read from the same configuration that it reads. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

async function config() {
  const { Config } = await import('../dist/libs/config/src/index.js');
  return Config.load(process.env);
}

export async function serverUrl() {
  const { http } = await config();
  return http.publicUrl ?? `http://${http.host === '0.0.0.0' ? '127.0.0.1' : http.host}:${http.port}`;
}

export async function adminKey() {
  const { adminApiKey, dataDir } = await config();
  const file = join(dataDir, 'admin-api-key');
  return adminApiKey ?? (existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined);
}
