/**
 * `npm start`: from a fresh clone to a running server with demo agents. Sets up, serves in this process, registers the demo
 * agents (`DEMO_AGENTS=false` leaves them out) and prints how to connect clients.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { build, install, root } from './set-up.mjs';
import { printWelcome } from './welcome.mjs';
import { adminKey, serverUrl } from './installation.mjs';

install();
build();

const wantsDemo = process.env.DEMO_AGENTS !== 'false';
const demo = wantsDemo ? await startDemoAgents() : undefined;
// The demo agents live on this machine, which is a private network like any other.
if (wantsDemo) process.env.ALLOWED_NETWORKS ??= '127.0.0.1/32';

await import('../dist/apps/server/src/main.js');

const [url, key] = [await serverUrl(), await adminKey()];
if (demo !== undefined) await registerDemoAgents(url, key, demo);
printWelcome({ url, key, root });

/** Resolves with where they listen; they end with this process, however it ends. */
async function startDemoAgents() {
  const env = {
    ...process.env,
    PORT: process.env.DEMO_AGENTS_PORT ?? '4100',
    HOST: '127.0.0.1',
    EXIT_WITH_PARENT: '1',
  };
  const child = spawn(process.execPath, ['dist/apps/demo-agent/src/main.js'], {
    cwd: root,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const start = line.indexOf('{');
    if (line.startsWith('Demo agents listening') && start > 0) {
      child.stdout.resume();
      return JSON.parse(line.slice(start));
    }
  }
  console.error('The demo agents did not start; set DEMO_AGENTS_PORT to a free port or DEMO_AGENTS=false');
  process.exit(1);
}

async function registerDemoAgents(url, key, { url: base, agents }) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  for (const slug of agents) {
    const known = await fetch(`${url}/api/v1/agents/${slug}`, { headers });
    const isCurrent = known.ok && (await known.json()).cardUrl?.startsWith(`${base}/${slug}/`);
    if (isCurrent) continue;
    if (known.ok) await fetch(`${url}/api/v1/agents/${slug}`, { method: 'DELETE', headers });
    const body = JSON.stringify({ url: `${base}/${slug}/`, slug, category: 'demo', tags: ['demo'] });
    const response = await fetch(`${url}/api/v1/agents`, { method: 'POST', headers, body });
    if (!response.ok)
      console.error(`The demo agent ${slug} could not be registered: ${(await response.json()).detail}`);
  }
}
