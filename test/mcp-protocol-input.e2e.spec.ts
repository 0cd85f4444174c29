import type { JsonObject } from '@app/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './support/mcp-fixture.js';
import { form } from './support/mcp-fixture-input-tools.js';
import { text, tool } from './support/mcp-fixture-tools.js';
import { initialize, legacy, modern, openListen, openPost, post } from './support/mcp-raw.js';

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startFixture({ replicas: 2 });
  for (const name of ['erase', 'erase_too']) {
    fixture.host.tools.set(
      name,
      tool(name, (_, request) => {
        const { answers, state } = request;
        if (answers) return text(JSON.stringify({ answers, state }));
        return request.inputRequired({ sure: form('Sure?', { ok: { type: 'boolean' } }) }, { step: 1 });
      }),
    );
  }
});
afterEach(() => fixture[Symbol.asyncDispose]());

const capabilities = { elicitation: {} };
const ACCEPT = { action: 'accept', content: { ok: true } };

interface Retry {
  name?: string;
  args?: JsonObject;
  answers?: JsonObject;
  principal?: string;
}

async function ask(url: string, args: JsonObject = {}): Promise<string> {
  const { result } = await modern(url, 'tools/call', { name: 'erase', arguments: args }, { capabilities });
  expect(result).toMatchObject({
    resultType: 'input_required',
    inputRequests: { sure: form('Sure?', expect.anything()) },
  });
  return String(result?.requestState);
}

function retry(requestState: string | undefined, given: Retry = {}, url = fixture.url) {
  const { name = 'erase', args = {}, answers = { sure: ACCEPT }, principal = 'alice' } = given;
  const params = { name, arguments: args, requestState, inputResponses: answers };
  return modern(url, 'tools/call', params, { capabilities, headers: { 'x-principal': principal } });
}

describe('what a modern client carries between two rounds', () => {
  test('comes back as answers and state, without what was not asked', async () => {
    const state = await ask(fixture.url);
    const { result } = await retry(state, { answers: { sure: ACCEPT, other: ACCEPT, __proto__: ACCEPT } });
    expect(result).toMatchObject(text(JSON.stringify({ answers: { sure: ACCEPT }, state: { step: 1 } })));
  });

  test('may come with the same arguments in another order', async () => {
    const state = await ask(fixture.url, { a: 1, b: { c: 2, d: [3] } });
    expect((await retry(state, { args: { b: { d: [3], c: 2 }, a: 1 } })).error).toBeUndefined();
  });

  test.each([
    ['another principal', { principal: 'bob' }],
    ['another tool', { name: 'erase_too' }],
    ['other arguments', { args: { file: 'all' } }],
  ])('does not open for %s', async (_, other) => {
    const state = await ask(fixture.url);
    expect((await retry(state, other)).error).toMatchObject({
      code: -32602,
      message: expect.stringContaining('requestState'),
    });
  });

  test('does not open when it was altered, invented or is no text', async () => {
    const state = await ask(fixture.url);
    for (const bad of [`${state}x`, 'invented', 7 as unknown as string]) {
      expect((await retry(bad)).error).toMatchObject({ code: -32602 });
    }
  });

  test('expires', async () => {
    await using brief = await startFixture({ limits: { requestStateTtlMs: 50 } });
    brief.host.tools.set('erase', fixture.host.tools.get('erase')!);
    const state = await ask(brief.url);
    await expect.poll(async () => (await retry(state, {}, brief.url)).error?.code).toBe(-32602);
  });

  test('is needed: answers alone are no answers', async () => {
    expect((await retry(undefined)).result).toMatchObject({ resultType: 'input_required' });
  });

  test('has answers of the right kind, or the client is told how they must be', async () => {
    const state = await ask(fixture.url);
    for (const sure of [7, 'yes', { action: 'perhaps' }]) {
      expect((await retry(state, { answers: { sure } })).error).toMatchObject({
        code: -32602,
        message: expect.stringMatching(/the answer to sure must be .*action/),
      });
    }
  });
});

describe('a client that cannot be asked', () => {
  const missing = { code: -32021, data: { requiredCapabilities: { sampling: {} } } };

  test('is told which capability it lacks, in both eras', async () => {
    const params = { name: 'test_missing_capability', arguments: {} };
    expect(await modern(fixture.url, 'tools/call', params)).toMatchObject({ status: 400, error: missing });
    const session = await initialize(fixture.url);
    expect(await legacy(fixture.url, 'tools/call', params, session)).toMatchObject({ status: 200, error: missing });
  });

  test('is known to the host beforehand', async () => {
    fixture.host.tools.set(
      'whoami',
      tool('whoami', (_, request) => text(JSON.stringify(request.capabilities))),
    );
    const elicitation = { form: {}, url: {}, unknown: 'x'.repeat(100_000) };
    const session = await initialize(fixture.url, { elicitation, sampling: {}, tasks: {} });
    const { result } = await legacy(fixture.url, 'tools/call', { name: 'whoami' }, session);
    expect(result).toMatchObject(text('{"elicitation":{"form":{},"url":{}},"sampling":{}}'));
  });

  test('may know forms only, or addresses only', async () => {
    fixture.host.tools.set(
      'visit',
      tool('visit', (_, request) =>
        request.inputRequired({ visit: { method: 'elicitation/create', params: { mode: 'url', message: 'Sign in' } } }),
      ),
    );
    const call = (name: string, elicitation: JsonObject) =>
      modern(fixture.url, 'tools/call', { name, arguments: {} }, { capabilities: { elicitation } });
    expect((await call('visit', {})).error?.data).toEqual({ requiredCapabilities: { elicitation: { url: {} } } });
    expect((await call('visit', { url: {} })).result).toMatchObject({ resultType: 'input_required' });
    expect((await call('erase', { url: {} })).error?.data).toEqual({
      requiredCapabilities: { elicitation: { form: {} } },
    });
    expect((await call('erase', {})).result).toMatchObject({ resultType: 'input_required' });
  });

  test('because it takes no event stream is told so instead of waiting', async () => {
    const session = { ...(await initialize(fixture.url, capabilities)), accept: 'application/json' };
    const { error } = await legacy(fixture.url, 'tools/call', { name: 'erase', arguments: {} }, session);
    expect(error?.message).toMatch(/text\/event-stream/);
  });
});

describe('a modern subscription', () => {
  test('hears what it asked for, tagged with its id, and ends when the client leaves', async () => {
    const wanted = { toolsListChanged: true, promptsListChanged: 'yes', resourceSubscriptions: ['test://a', 7] };
    const open = await openListen(fixture.url, wanted);
    for (const kind of ['prompts', 'resources', 'tools'] as const) fixture.changed(kind);
    for (const uri of ['test://b', 'test://a']) fixture.changed('resources', uri);
    const _meta = { 'io.modelcontextprotocol/subscriptionId': 1 };
    await expect
      .poll(() => open.messages)
      .toMatchObject([
        { params: { _meta, notifications: { toolsListChanged: true, resourceSubscriptions: ['test://a'] } } },
        { method: 'notifications/tools/list_changed', params: { _meta } },
        { method: 'notifications/resources/updated', params: { _meta, uri: 'test://a' } },
      ]);
    open.close();
    const left = () => fixture.replicas.map((replica) => replica.stats());
    const none = { openStreams: 0, inFlight: 0 };
    await expect.poll(left).toMatchObject([none, none]);
  });
});

test('headers that a tool wants repeated are compared with its arguments, nested and typed', async () => {
  const params = { name: 'routed', arguments: { level: 3, place: { dry: true } } };
  const call = (headers: Record<string, string>) => modern(fixture.url, 'tools/call', params, { headers });
  expect((await call({ 'mcp-param-level': '3', 'mcp-param-dry': 'true' })).error).toBeUndefined();
  for (const headers of [{ 'mcp-param-level': '3' }, { 'mcp-param-level': '4', 'mcp-param-dry': 'true' }]) {
    expect(await call(headers as unknown as Record<string, string>)).toMatchObject({
      status: 400,
      error: { code: -32020 },
    });
  }
});

test('a question that was pushed to a legacy client goes on with the state it was asked with', async () => {
  const session = await initialize(fixture.url, capabilities);
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'erase', arguments: {} } };
  const open = await openPost(fixture.url, call, session);
  await expect.poll(() => open.messages.length).toBe(1);
  await post(fixture.url, { jsonrpc: '2.0', id: open.messages[0]?.id, result: ACCEPT }, session);
  const told = text(JSON.stringify({ answers: { sure: ACCEPT }, state: { step: 1 } }));
  await expect.poll(() => open.messages.at(-1)).toMatchObject({ result: told });
});
