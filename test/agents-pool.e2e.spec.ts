import { expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { startServer } from './support/server.js';

test('changes and refreshes at once need one connection each, so a small pool is enough', async () => {
  await using server = await startServer({ env: { DATABASE_POOL_SIZE: '2' } });
  await using agents = await startAgents();
  const names = ['echo', 'asker', 'files', 'flaky'];
  for (const slug of names) await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });
  const credentials = { type: 'bearer', token: 'x' };
  const answers = await Promise.all(
    names.flatMap((slug) => [
      server.call('PATCH', `/api/v1/agents/${slug}`, { headers: { 'X-Team': slug } }),
      server.call('PUT', `/api/v1/agents/${slug}/credentials`, credentials),
      server.call('POST', `/api/v1/agents/${slug}/refresh`),
    ]),
  );
  expect(answers.map(({ status }) => status)).toEqual(names.flatMap(() => [200, 204, 200]));
  expect(server.logs.filter(({ message }) => message === 'Connection pool exhausted')).toEqual([]);
});
