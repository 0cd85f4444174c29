import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';
import { perform, transcriptsIn } from './support/wscat.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'researcher', 'asker'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

test('what docs/websocket.md shows is what happens', async () => {
  const transcripts = transcriptsIn(readFileSync('docs/websocket.md', 'utf8'));
  expect(transcripts.length).toBeGreaterThan(8);
  const known = new Map([
    ['ws://127.0.0.1:8787', server.streamUrl],
    ['KEY', ADMIN_KEY],
  ]);
  for (const transcript of transcripts) await perform(transcript, known);
});
