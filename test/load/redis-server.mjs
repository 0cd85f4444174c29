/** A Redis of its own in DIRECTORY, ended with this process. Where the machine has none its address is null. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

const program = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0);
if (program === undefined) tell(null);
else await start(program);

async function start(name) {
  const port = await freePort();
  const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', process.env.DIRECTORY];
  const redis = spawn(name, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('SIGTERM', () => redis.kill());
  redis.once('exit', () => process.exit());
  redis.stdout.on('data', (text) => {
    if (String(text).includes('Ready to accept')) tell(`redis://127.0.0.1:${port}`);
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

function tell(url) {
  process.channel.ref();
  console.log(`Listening ${JSON.stringify({ url })}`);
}
