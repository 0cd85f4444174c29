/** Boots the built server once on an empty embedded database, asks whether it is ready and stops it. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, install, root } from './set-up.mjs';

install();
build();
const dataDir = mkdtempSync(join(tmpdir(), 'a2a-boot-'));
chmodSync(dataDir, 0o755);
const env = { PATH: process.env.PATH, DATA_DIR: dataDir, PORT: '0', STREAM_PORT: '0', LOG_FORMAT: 'json' };
const server = spawn(process.execPath, ['dist/apps/server/src/main.js'], {
  cwd: root,
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const exited = new Promise((resolve) => server.once('exit', resolve));
const tooSlow = setTimeout(() => server.kill('SIGKILL'), 60_000);

let isReady = false;
for await (const text of createInterface({ input: server.stdout })) {
  const line = JSON.parse(text);
  if (line.level === 'ERROR') console.error(text);
  if (line.message !== 'Listening') continue;
  isReady = (await fetch(`${line.url}/readyz`)).ok;
  server.kill('SIGTERM');
}
const code = await exited;
clearTimeout(tooSlow);
rmSync(dataDir, { recursive: true, force: true });
console.log(
  isReady && code === 0 ? 'The built server boots, is ready and stops' : `The built server did not boot (exit ${code})`,
);
process.exit(isReady && code === 0 ? 0 : 1);
