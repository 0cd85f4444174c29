import { expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { runExamples } from './support/doc-examples.js';
import { startServer } from './support/server.js';
import { until } from './support/until.js';

test('the examples of docs/tasks.md run as they stand', async () => {
  await using agents = await startAgents();
  await using server = await startServer();
  for (const slug of ['echo', 'researcher', 'asker', 'files', 'long-runner'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });

  const { code, complaints, said } = await runExamples('docs/tasks.md', server);
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });

  const [, waited, , followed = '', read, file, answered, last] = said;
  expect(waited).toContain('"state":"completed"');
  expect(followed.match(/^event: result$/gm)).toHaveLength(2);
  expect(followed.match(/^id: 3$/gm)).toHaveLength(1);
  expect(followed.match(/^id: 4$/gm)).toHaveLength(2);
  expect(read).toMatch(/"artifacts":\[\{"artifactId":"report".*304\n$/s);
  expect(file).toMatch(/^# What is A2A\? in 2s\n.*# What is $/s);
  expect(answered).toContain('You chose: blue');
  expect(last).toContain('"canceled":true');
  await until('the agent is told', async () => (await agents.ledger('long-runner')).cancels.length === 1);
}, 60_000);
