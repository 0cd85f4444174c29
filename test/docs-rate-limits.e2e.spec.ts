import { expect, test } from 'vitest';
import { runExamples } from './support/doc-examples.js';
import { startServer } from './support/server.js';

test('the examples of docs/rate-limits.md run as they stand', async () => {
  await using server = await startServer();
  const { code, complaints, said } = await runExamples('docs/rate-limits.md', server);
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  expect(said[1]).toMatch(/"items":\[\].*"principal":"user:nightly-batch".*"network":"203\.0\.113\.0\/24"/s);
});
