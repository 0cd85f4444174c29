import { expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { runExamples } from './support/doc-examples.js';
import { startServer } from './support/server.js';

test('the examples of docs/permissions.md run as they stand', async () => {
  await using agents = await startAgents();
  await using server = await startServer();
  for (const slug of ['files', 'researcher'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });

  const { code, complaints, said } = await runExamples('docs/permissions.md', server);
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  const [, refused, called, approved, denied, revoked] = said;
  expect(refused).toContain('"code":"not_found"');
  expect(called).toMatch(/"state":"completed".*"allowed":true/s);
  expect(approved).toMatch(/"state":"approved".*"slug":"files".*"slug":"researcher"/s);
  expect(denied).toContain('"effect":"deny"');
  expect(revoked).toMatch(/"revoked":\["\d+"\].*"allowed":false/s);
}, 60_000);
