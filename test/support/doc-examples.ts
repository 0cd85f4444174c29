import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { ADMIN_KEY, type TestServer } from './server.js';

/** Runs all examples of a page in one shell, as they stand. @returns what it complained of, and what each example said */
export async function runExamples(page: string, server: TestServer) {
  const script = [...readFileSync(page, 'utf8').matchAll(/^```bash\n(.*?)^```$/gms)]
    .map(([, block = '']) => `${block}\n`)
    .join("echo '---'\n");
  const env = { PATH: process.env.PATH, HOST: server.url, KEY: ADMIN_KEY };
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, complaints, [code]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'exit')]);
  return { code: code as number, complaints, said: output.split('---\n') };
}
