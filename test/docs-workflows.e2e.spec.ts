import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { runExamples } from './support/doc-examples.js';
import { startServer, type TestServer } from './support/server.js';
import type { Run } from './support/workflow-runs.js';

const TEMPLATES = 'docs/workflows';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const slug of ['echo', 'researcher', 'long-runner', 'flaky'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const said = async (agent: string) => (await agents.ledger(agent)).messages.map(({ text }) => text);

/** The template as a workflow, and what a run of it comes to. */
async function run(name: string, input: object): Promise<Run> {
  const response = await server.call('POST', `/api/v1/workflows/${name}/runs`, { input }, { prefer: 'wait=30' });
  return (await response.json()) as Run;
}

async function answerTo(runId: string, answer: object): Promise<Run> {
  const { items } = await server.json<{ items: { id: string; prompt: string }[] }>(
    200,
    'GET',
    `/api/v1/approvals?run=${runId}`,
  );
  expect(items).toMatchObject([{ prompt: expect.stringContaining('Publish this report?\n\n# What is A2A?') }]);
  await server.json(200, 'POST', `/api/v1/approvals/${items[0]?.id}/answer`, { answer });
  const get = () => server.json<Run>(200, 'GET', `/api/v1/runs/${runId}`);
  await expect.poll(get, { timeout: 15_000 }).toMatchObject({ phase: 'completed' });
  return get();
}

describe('the templates', () => {
  test('are all posted as they stand', async () => {
    const files = readdirSync(TEMPLATES);
    expect(files.toSorted()).toEqual([
      'fallback.yaml',
      'first-of-three.yaml',
      'nightly-digest.yaml',
      'research-review.yaml',
      'trip.yaml',
    ]);
    for (const file of files) {
      const definition = readFileSync(`${TEMPLATES}/${file}`, 'utf8');
      const posted = await server.json(201, 'POST', '/api/v1/workflows', { definition });
      expect(posted).toMatchObject({ name: file.replace('.yaml', ''), status: 'active' });
    }
  });

  test('research, then review: published when approved, dropped when not', async () => {
    const [good, bad] = await Promise.all([
      run('research-review', { question: 'What is A2A? in 300ms' }),
      run('research-review', { question: 'What is A2A? in 300ms' }),
    ]);
    expect(await answerTo(good.runId, { approved: true })).toMatchObject({
      output: { published: true, report: expect.stringContaining('# What is A2A?') },
    });
    expect(await answerTo(bad.runId, { approved: false, comment: 'Too long' })).toMatchObject({
      output: { published: false, comment: 'Too long' },
    });
  });

  test('first of three: the quickest agent wins, and the others are cancelled', async () => {
    expect(await run('first-of-three', { question: 'hello for 10 min' })).toMatchObject({
      phase: 'completed',
      output: { by: 'echo', text: 'hello for 10 min' },
    });
    await expect.poll(async () => (await agents.ledger('long-runner')).cancels.length, { timeout: 10_000 }).toBe(1);
    await expect.poll(async () => (await agents.ledger('researcher')).cancels.length, { timeout: 10_000 }).toBe(1);
  });

  test('retry, then fall back: three attempts at the first agent, then the second', async () => {
    expect(await run('fallback', { task: 'please work' })).toMatchObject({ output: { by: 'flaky' } });
    expect(await run('fallback', { task: 'please fail' })).toMatchObject({
      phase: 'completed',
      output: { by: 'echo', text: 'please fail', because: expect.stringContaining('on fire') },
    });
    expect((await said('flaky')).filter((text) => text === 'please fail')).toHaveLength(3);
  });

  test('a saga: what was booked is given back in reverse order when a later step fails', async () => {
    expect(await run('trip', { to: 'Rome', car: 'a car' })).toMatchObject({ output: { booked: true } });
    const before = (await said('echo')).length;
    expect(await run('trip', { to: 'Oslo', car: 'a car and fail' })).toMatchObject({ phase: 'faulted', undone: true });
    expect((await said('echo')).slice(before)).toEqual([
      'Book a flight to Oslo',
      'Book a hotel in Oslo',
      'Cancel: Book a hotel in Oslo',
      'Cancel: Book a flight to Oslo',
    ]);
  });

  test('a nightly digest: begun by its schedule, once a tick', async () => {
    const { schedule } = await server.json<{ schedule: { nextAt: string } }>(
      200,
      'GET',
      '/api/v1/workflows/nightly-digest',
    );
    expect(schedule.nextAt).toMatch(/T0[45]:30:00.000Z$/);
    await rows(server.databaseUrl, `update workflows set next_at = now() where name = 'nightly-digest' returning id`);
    const runs = async () =>
      (await server.json<{ items: Run[] }>(200, 'GET', '/api/v1/workflows/nightly-digest/runs')).items;
    await expect.poll(runs, { timeout: 20_000 }).toMatchObject([{ phase: 'completed' }]);
    const [one] = await runs();
    const digest = await server.json<Run>(200, 'GET', `/api/v1/runs/${one?.runId}`);
    expect(digest.output).toMatchObject({
      digest: expect.stringMatching(/^Digest of 20.*# Agent protocols.*# Databases/s),
    });
  });
});

test('the examples of docs/workflows.md run as they stand', async () => {
  await using fresh = await startServer();
  for (const slug of ['echo', 'researcher', 'flaky'])
    await fresh.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });
  const { code, complaints, said: told } = await runExamples('docs/workflows.md', fresh);
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  const [, posted, ran, dry = '', asked, followed, held, again, woken, changed] = told;
  expect(posted).toContain('"name":"greeting"');
  expect(ran).toContain('"output":{"text":"HELLO ADA"}');
  expect(dry).toMatch(/"ended":"unanswered".*"task":"[^"]*protocols".*"ended":"completed".*"text":"HELLO"/s);
  expect(asked).toContain('"prompt":"Publish this report?');
  expect(followed).toMatch(/^event: result$.*"gantt":"gantt\\n.*flowchart TD$/ms);
  expect(held).toMatch(/"phase":"suspended".*"phase":"(?:waiting|running|pending)".*"runId"/s);
  expect(again).toContain('"continues":"');
  expect(woken).toContain('"output":{"delivered":42}');
  expect(changed).toMatch(/"version":"1.1.0".*"phase":"completed"/s);
}, 60_000);
