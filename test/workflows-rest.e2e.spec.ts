import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { coloursIn, mermaid } from './support/mermaid.js';
import { startServer, type TestServer } from './support/server.js';
import { postWorkflow, type Run } from './support/workflow-runs.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'long-runner', 'asker'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo-plain'), slug: 'gate' });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

interface Timeline {
  readonly tasks: readonly { task: string; state: string; startedAt: string; durationMs?: number }[];
  readonly events: readonly { type: string; task: string }[];
  readonly gantt: string;
}

const definitionOf = (name: string, version: string, tasks: unknown[], more: object = {}) => ({
  definition: { document: { dsl: '1.0.3', namespace: 'test', name, version }, ...more, do: tasks },
});
const say = (message: string, agent = 'echo') => ({ call: 'agent', with: { agent, message } });
const start = (name: string, body: object = { input: {} }) =>
  server.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, body);
const waited = async (path: string, body?: object, headers: Record<string, string> = {}) => {
  const response = await server.call('POST', path, body, { prefer: 'wait=30', ...headers });
  return {
    status: response.status,
    headers: response.headers,
    run: (await response.json()) as Run & { detail?: string },
  };
};
const runOf = (id: string) => server.json<Run>(200, 'GET', `/api/v1/runs/${id}`);
const comesTo = async (id: string, phase: string) => {
  await expect.poll(() => runOf(id), { timeout: 15_000 }).toMatchObject({ phase });
};
const timelineOf = (id: string) => server.json<Timeline>(200, 'GET', `/api/v1/runs/${id}/timeline`);
const coloursOf = async (id: string) => {
  const graph = await (await server.call('GET', `/api/v1/runs/${id}/graph`)).text();
  expect(await mermaid.parse(graph)).toMatchObject({ diagramType: 'flowchart-v2' });
  return coloursIn(graph);
};
const said = async (agent: string) => (await agents.ledger(agent)).messages.map(({ text }) => text);

describe('definitions', () => {
  test('a version says for ever what it said; the same again is the same', async () => {
    const first = definitionOf('versions', '1.0.0', [{ a: { set: { v: 1 } } }]);
    const created = await server.json(201, 'POST', '/api/v1/workflows', first);
    expect(await server.json(201, 'POST', '/api/v1/workflows', first)).toEqual(created);
    const changed = definitionOf('versions', '1.0.0', [{ a: { set: { v: 2 } } }]);
    expect(await server.json(409, 'POST', '/api/v1/workflows', changed)).toMatchObject({
      detail: expect.stringContaining('has a version 1.0.0 already'),
    });
    await server.json(201, 'POST', '/api/v1/workflows', definitionOf('versions', '1.1.0', [{ a: { set: { v: 2 } } }]));
    const { items } = await server.json<{ items: object[] }>(200, 'GET', '/api/v1/workflows/versions/versions');
    expect(items).toMatchObject([{ version: '1.1.0' }, { version: '1.0.0' }]);
    expect(await server.json(200, 'GET', '/api/v1/workflows/versions?version=1.0.0')).toMatchObject({
      definition: first.definition,
    });
    const newest = await waited('/api/v1/workflows/versions/runs', { input: {} });
    expect(newest.run).toMatchObject({ version: '1.1.0', output: { v: 2 } });
    const older = await waited('/api/v1/workflows/versions/runs', { input: {}, version: '1.0.0' });
    expect(older.run).toMatchObject({ version: '1.0.0', output: { v: 1 } });
    await server.json(404, 'GET', '/api/v1/workflows/versions?version=9.9.9');
    const { document, ...rest } = first.definition;
    const elsewhere = { definition: { document: { ...document, namespace: 'elsewhere', version: '2.0.0' }, ...rest } };
    await server.json(409, 'POST', '/api/v1/workflows', elsewhere);
  });

  test('only active versions run; an archived one stays so', async () => {
    const { definition } = definitionOf('statuses', '1.0.0', [{ a: { set: { v: 1 } } }]);
    await server.json(201, 'POST', '/api/v1/workflows', { definition, status: 'draft' });
    const refused = async () =>
      (await server.json<{ detail: string }>(409, 'POST', '/api/v1/workflows/statuses/runs', { input: {} })).detail;
    expect(await refused()).toContain('is draft');
    await server.json(200, 'POST', '/api/v1/workflows/statuses/enable');
    expect((await waited('/api/v1/workflows/statuses/runs', { input: {} })).run.phase).toBe('completed');
    await server.json(200, 'POST', '/api/v1/workflows/statuses/disable');
    expect(await refused()).toContain('is disabled');
    await server.json(200, 'POST', '/api/v1/workflows/statuses/enable');
    expect(await server.json(204, 'DELETE', '/api/v1/workflows/statuses')).toBeUndefined();
    expect(await refused()).toContain('is archived');
    await server.json(409, 'POST', '/api/v1/workflows/statuses/enable');
    const kept = await server.json<{ items: object[] }>(200, 'GET', '/api/v1/workflows/statuses/runs');
    expect(kept.items).toMatchObject([{ phase: 'completed' }]);
  });

  test('all that is wrong is told at once, each at its place', async () => {
    const wrong = definitionOf('wrong', '1.0.0', [
      { ask: { call: 'agent', with: { agent: 'nobody', message: 'x' } } },
      { bad: { set: { x: '${ .a | }' } } },
    ]);
    expect(await server.json(400, 'POST', '/api/v1/workflows', wrong)).toMatchObject({
      code: 'invalid',
      detail: expect.stringContaining('/do/1/bad/set/x'),
      problems: [
        { path: '/do/1/bad/set/x', message: expect.any(String) },
        { path: '/do/0/ask/with', message: expect.stringContaining('nobody') },
      ],
    });
  });
});

describe('starting', () => {
  test('input that does not fit is refused by the name of the field', async () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const input = { schema: { document: schema } };
    await postWorkflow(server, 'typed', [{ keep: { set: '${ .city }' } }], { input });
    const refusal = (given: unknown) =>
      server.json<{ detail: string }>(400, 'POST', '/api/v1/workflows/typed/runs', { input: given });
    expect((await refusal({})).detail).toContain('city');
    expect((await refusal({ city: 7 })).detail).toContain('input/city: must be string');
    expect((await refusal('x')).detail).toContain('input: must be object');
  });

  test('`Prefer: wait` answers with the end, or with the run when it takes longer', async () => {
    await postWorkflow(server, 'quick', [{ a: { set: { done: true } } }]);
    const { status, headers, run } = await waited('/api/v1/workflows/quick/runs', {});
    expect({ status, run }).toMatchObject({ status: 200, run: { phase: 'completed', output: { done: true } } });
    expect(headers.get('location')).toBe(`/api/v1/runs/${run.runId}`);
    await postWorkflow(server, 'slow', [{ nap: { wait: { days: 1 } } }]);
    const slow = await waited('/api/v1/workflows/slow/runs', {}, { prefer: 'wait=1' });
    expect(slow.status).toBe(202);
    await server.json(202, 'POST', `/api/v1/runs/${slow.run.runId}/cancel`);
    await comesTo(slow.run.runId, 'cancelled');
  });

  test('the same idempotency key is the same run, and refuses another input', async () => {
    await postWorkflow(server, 'once', [{ a: say('once') }]);
    const key = { 'idempotency-key': 'k-1' };
    const first = await waited('/api/v1/workflows/once/runs', { input: { n: 1 } }, key);
    const again = await waited('/api/v1/workflows/once/runs', { input: { n: 1 } }, key);
    expect(again.run.runId).toBe(first.run.runId);
    const other = await waited('/api/v1/workflows/once/runs', { input: { n: 2 } }, key);
    expect(other).toMatchObject({ status: 409, run: { detail: expect.stringContaining('another input') } });
  });

  test('a session carries the conversation with each agent through runs', async () => {
    await postWorkflow(server, 'talk', [{ one: say('one') }, { two: say('two') }]);
    const { sessionId } = await server.json<{ sessionId: string }>(201, 'POST', '/api/v1/sessions', {});
    const before = (await agents.ledger('echo')).messages.length;
    for (let i = 0; i < 2; i++) await waited('/api/v1/workflows/talk/runs', { input: {}, sessionId });
    const contexts = (await agents.ledger('echo')).messages.slice(before).map(({ contextId }) => contextId);
    expect(contexts).toHaveLength(4);
    expect(new Set(contexts).size).toBe(1);
  });
});

describe('going on with a run', () => {
  test('a paused run ends what is under way and begins nothing new', async () => {
    await postWorkflow(server, 'pausing', [
      { first: say('for 3 s', 'long-runner') },
      { second: say('after the pause') },
    ]);
    const { runId } = await start('pausing');
    await comesTo(runId, 'running');
    expect(await server.json(200, 'POST', `/api/v1/runs/${runId}/pause`)).toMatchObject({ phase: 'suspended' });
    const first = async () => (await timelineOf(runId)).tasks.find(({ task }) => task === '/do/0/first')?.state;
    await expect.poll(first, { timeout: 15_000 }).toBe('completed');
    expect(await said('echo')).not.toContain('after the pause');
    expect(await server.json(200, 'POST', `/api/v1/runs/${runId}/pause`)).toMatchObject({ phase: 'suspended' });
    await server.json(200, 'POST', `/api/v1/runs/${runId}/resume`);
    await comesTo(runId, 'completed');
    expect((await said('echo')).filter((text) => text === 'after the pause')).toHaveLength(1);
    await server.json(409, 'POST', `/api/v1/runs/${runId}/pause`);
  });

  test('a retry goes on where the run failed, and does nothing again that was done', async () => {
    const tasks = [
      { early: say('early, once') },
      { both: { fork: { branches: [{ left: say('left, once') }, { right: say('right', 'gate') }] } } },
      { late: { set: { parts: '${ [.[].text] }' } } },
    ];
    await postWorkflow(server, 'retrying', tasks);
    await server.json(200, 'POST', '/api/v1/agents/gate/disable');
    const failed = (await waited('/api/v1/workflows/retrying/runs', { input: {} })).run;
    expect(failed).toMatchObject({ phase: 'faulted', error: { instance: '/do/1/both/fork/branches/1/right' } });
    await server.json(200, 'POST', '/api/v1/agents/gate/enable');
    const retried = (await waited(`/api/v1/runs/${failed.runId}/retry`)).run;
    expect(retried).toMatchObject({
      phase: 'completed',
      continues: failed.runId,
      output: { parts: ['left, once', 'right'] },
    });
    expect((await said('echo')).filter((text) => text === 'early, once')).toHaveLength(1);
    await server.json(409, 'POST', `/api/v1/runs/${retried.runId}/retry`);
  });

  test('a run that failed right after a step is retried after that step, with its time anew', async () => {
    const tasks = [
      { paid: { ...say('pay, once'), export: { as: '{ paid: true }' } } },
      { ship: { do: [{ packed: say('pack, once') }, { sent: say('send', 'gate') }], timeout: { after: 'PT8S' } } },
    ];
    await postWorkflow(server, 'paying', tasks, { output: { as: '{ text, paid: $context.paid }' } });
    await server.json(200, 'POST', '/api/v1/agents/gate/disable');
    const failed = (await waited('/api/v1/workflows/paying/runs', { input: {} })).run;
    expect(failed).toMatchObject({ phase: 'faulted', error: { instance: '/do/1/ship/do/1/sent' } });
    await server.json(200, 'POST', '/api/v1/agents/gate/enable');
    await new Promise((resolve) => setTimeout(resolve, 8_100));
    const retried = (await waited(`/api/v1/runs/${failed.runId}/retry`)).run;
    expect(retried).toMatchObject({ phase: 'completed', output: { text: 'send', paid: true } });
    expect((await said('echo')).filter((text) => ['pay, once', 'pack, once'].includes(text))).toEqual([
      'pay, once',
      'pack, once',
    ]);
  });

  test('a run is done again from any of its own tasks, with what that was given then', async () => {
    const tasks = [
      { draft: say('draft') },
      { polish: { ...say('${ "polish \\(.text)" }'), input: { from: '.' } } },
      { seal: { set: { sealed: '${ .text }' } } },
    ];
    await postWorkflow(server, 'rerunning', tasks);
    const first = (await waited('/api/v1/workflows/rerunning/runs', { input: {} })).run;
    expect(first).toMatchObject({ output: { sealed: 'polish draft' } });
    const from = (pointer: string) => `/api/v1/runs/${first.runId}/rerun?from=${encodeURIComponent(pointer)}`;
    const again = (await waited(from('/do/1/polish'))).run;
    expect(again).toMatchObject({ phase: 'completed', continues: first.runId, output: { sealed: 'polish draft' } });
    expect((await said('echo')).filter((text) => text === 'draft')).toHaveLength(1);
    expect((await said('echo')).filter((text) => text === 'polish draft')).toHaveLength(2);
    await postWorkflow(server, 'rerunning-last', [
      { count: { set: { n: '${ .n + 1 }' } } },
      { again: { switch: [{ more: { when: '.n < 3', then: 'count' } }, { enough: { then: 'end' } }] } },
    ]);
    const counted = (await waited('/api/v1/workflows/rerunning-last/runs', { input: { n: 0 } })).run;
    // Of a task that was begun more than once it is the last time.
    const last = (await waited(`/api/v1/runs/${counted.runId}/rerun?from=${encodeURIComponent('/do/0/count')}`)).run;
    const { tasks: done } = await server.json<{ tasks: object[] }>(200, 'GET', `/api/v1/runs/${last.runId}/timeline`);
    expect([last.output, done.length]).toEqual([{ n: 3 }, 2]);
    await server.json(404, 'POST', from('/do/7/nothing'));
    await server.json(400, 'POST', from('nonsense'));
  });
});

describe('the picture and the times', () => {
  test('of a run that completed, with branches, a loop and what was skipped', async () => {
    const tasks = [
      { count: { for: { in: '[1, 2]' }, do: [{ each: { set: { n: '${ $item }' } } }] } },
      { never: { if: 'false', ...say('never') } },
      { nap: { wait: { milliseconds: 300 } } },
      { both: { fork: { branches: [{ left: say('left') }, { right: say('right') }] } } },
    ];
    await postWorkflow(server, 'pictured', tasks);
    const { runId } = (await waited('/api/v1/workflows/pictured/runs', { input: {} })).run;
    const done = { count: 'completed', each: 'completed', nap: 'completed', both: 'completed' };
    expect(await coloursOf(runId)).toEqual({ ...done, never: 'skipped', left: 'completed', right: 'completed' });
    const { tasks: times, gantt } = await timelineOf(runId);
    expect(await mermaid.parse(gantt)).toMatchObject({ diagramType: 'gantt' });
    expect(times.filter(({ task }) => task.endsWith('/each'))).toHaveLength(2);
    const nap = times.find(({ task }) => task === '/do/2/nap')?.durationMs ?? 0;
    expect(nap).toBeGreaterThanOrEqual(290);
    expect(nap).toBeLessThan(5_000);
  });

  test('of one that failed, and of one that was cancelled in the middle', async () => {
    const error = { type: 'https://example.com/no', status: 409 };
    await postWorkflow(server, 'failing', [
      { ok: { set: { a: 1 } } },
      { broken: { do: [{ no: { raise: { error } } }] } },
      { never: { set: { b: 1 } } },
    ]);
    const failed = (await waited('/api/v1/workflows/failing/runs', { input: {} })).run;
    expect(await coloursOf(failed.runId)).toEqual({ ok: 'completed', broken: 'faulted', no: 'faulted' });

    await postWorkflow(server, 'stopped', [{ ok: { set: { a: 1 } } }, { long: say('for 10 min', 'long-runner') }]);
    const { runId } = await start('stopped');
    await expect.poll(() => coloursOf(runId), { timeout: 15_000 }).toEqual({ ok: 'completed', long: 'running' });
    await server.json(202, 'POST', `/api/v1/runs/${runId}/cancel`);
    await comesTo(runId, 'cancelled');
    expect(await coloursOf(runId)).toEqual({ ok: 'completed', long: 'cancelled' });
    await expect
      .poll(async () => (await agents.ledger('long-runner')).cancels.length, { timeout: 10_000 })
      .toBeGreaterThan(0);
  });

  test('of one that waits: for a person, for time, for an event and for an agent that asks', async () => {
    const branches = [
      { person: { call: 'human', with: { prompt: 'May I?' } } },
      { time: { wait: { days: 1 } } },
      { event: { listen: { to: { one: { with: { type: 'never.comes' } } } } } },
      { agent: say('Paint the shed', 'asker') },
    ];
    await postWorkflow(server, 'waiting', [{ all: { fork: { branches } } }]);
    const { runId } = await start('waiting');
    const waiting = { person: 'waiting', time: 'waiting', event: 'waiting', agent: 'waiting' };
    await expect.poll(() => coloursOf(runId), { timeout: 15_000 }).toEqual({ all: 'running', ...waiting });
    await comesTo(runId, 'waiting');
    const { gantt } = await timelineOf(runId);
    expect(await mermaid.parse(gantt)).toMatchObject({ diagramType: 'gantt' });
    await server.json(202, 'POST', `/api/v1/runs/${runId}/cancel`);
    await comesTo(runId, 'cancelled');
  });
});
