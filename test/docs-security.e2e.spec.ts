import { expect, test } from 'vitest';
import { runExamples } from './support/doc-examples.js';
import { startServer } from './support/server.js';

test('the examples of docs/security.md run as they stand', async () => {
  await using server = await startServer();
  await server.json(201, 'POST', '/api/v1/api-keys', { name: 'x' });
  const { code, complaints, said } = await runExamples('docs/security.md', server);
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  expect(said[1]).toMatch(/"items":\[\].*"action":"keys\.create".*\n$/s);
});
