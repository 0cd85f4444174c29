import { SHOWN_AGENTS, startDemoAgents } from './demo-agents.js';

const agents = await startDemoAgents({
  port: Number(process.env.PORT ?? 4100),
  host: process.env.HOST ?? '127.0.0.1',
});
process.stdout.write(`Demo agents listening ${JSON.stringify({ url: agents.url, agents: SHOWN_AGENTS })}\n`);

const stop = () => void agents.close().then(() => process.exit(0));
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
// A parent that dies takes its end of the pipe with it.
if (process.env.EXIT_WITH_PARENT === '1') process.stdin.resume().once('close', stop);
