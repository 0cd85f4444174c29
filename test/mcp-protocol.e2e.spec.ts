import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { captureLog } from './support/log-lines.js';
import { CLIENTS, type TestClient } from './support/mcp-clients.js';
import { type Fixture, startFixture } from './support/mcp-fixture.js';
import { text, tool } from './support/mcp-fixture-tools.js';

describe.each(CLIENTS)('%s over two replicas that take turns', (_name, connect) => {
  let fixture: Fixture;
  let client: TestClient;
  beforeEach(async () => {
    fixture = await startFixture({ replicas: 2 });
    client = await connect(fixture.url);
  });
  afterEach(async () => {
    await client.close();
    await fixture[Symbol.asyncDispose]();
  });

  test('lists and calls tools', async () => {
    expect((await client.listTools()).tools).toHaveLength(fixture.host.tools.size);
    expect(await client.call('echo', { q: 'hello' })).toMatchObject(text('hello'));
  });

  test('is told by name which argument is wrong, and which tool is unknown', async () => {
    const result = await client.call('echo', { q: 7 });
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('arguments/q') }] });
    await expect(client.call('nobody')).rejects.toMatchObject({
      code: -32602,
      message: expect.stringMatching(/nobody/),
    });
  });

  test('sees progress that only grows', async () => {
    fixture.host.tools.set(
      'steps',
      tool('steps', (_, request) => {
        for (const value of [1, 3, 2, 3, 4]) request.progress(value, 4, `step ${value}`);
        return text('done');
      }),
    );
    const seen: number[] = [];
    await client.call('steps', {}, { onprogress: ({ progress }) => seen.push(progress) });
    expect(seen).toEqual([1, 3, 4]);
  });

  test('is asked, and its answer reaches the replica that asked', async () => {
    const result = await client.call('test_elicitation', { message: 'Which colour?' });
    expect(result.content).toMatchObject([{ text: expect.stringContaining('"response":"blue"') }]);
  });

  test('cancels a call on whichever replica answers it', async () => {
    const reasons: unknown[] = [];
    fixture.host.tools.set(
      'wait',
      tool('wait', async (_, { signal }) => {
        await sleep(20_000, undefined, { signal }).catch(() => reasons.push(signal.reason));
        return text('never seen');
      }),
    );
    const controller = new AbortController();
    const call = client.call('wait', {}, { signal: controller.signal });
    call.catch(() => undefined);
    await expect.poll(() => inFlight(fixture)).toBe(1);
    controller.abort('no more');
    await expect(call).rejects.toBeDefined();
    await expect.poll(() => reasons).toHaveLength(1);
    await expect.poll(() => inFlight(fixture)).toBe(0);
  });

  test('learns that the list of tools changed', async () => {
    let changes = 0;
    await client.onToolsChanged(() => changes++);
    await expect.poll(() => fixture.replicas.reduce((sum, replica) => sum + replica.stats().openStreams, 0)).toBe(1);
    await client.call('test_trigger_tool_change');
    await expect.poll(() => changes).toBe(1);
  });

  test('gets an opaque error for a bug, which is logged once with its cause', async () => {
    fixture.host.tools.set(
      'crash',
      tool('crash', () => Promise.reject(new Error('secret detail'))),
    );
    using log = captureLog();
    const failure: unknown = await client.call('crash').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: -32603 });
    expect(String(failure)).not.toContain('secret');
    const errors = log.lines.filter(({ level }) => level === 'ERROR');
    expect(errors).toMatchObject([{ method: 'tools/call', tool: 'crash', cause: 'Error: secret detail' }]);
    expect(errors[0]).toHaveProperty('requestId');
  });
});

const inFlight = ({ replicas }: Fixture): number =>
  replicas.reduce((sum, replica) => sum + replica.stats().inFlight, 0);
