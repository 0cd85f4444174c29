import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';

const AGENTS = ['echo', 'researcher', 'asker', 'flaky', 'files'];
/** A2A version × (JSON-RPC streamed, JSON-RPC polled, HTTP+JSON). */
const WAYS = ['', '-plain', '-rest'].flatMap((way) => [
  { wire: `1.0${way}`, prefix: '', way },
  { wire: `0.3${way}`, prefix: 'legacy-', way },
]);

interface Block {
  type: string;
  text?: string;
  mimeType?: string;
  uri?: string;
  resource?: { mimeType: string; blob: string };
}
interface Result {
  content: Block[];
  isError?: boolean;
  structuredContent?: { state: string; task_id: string; context_id?: string; data?: unknown };
}
type Answer = { action: 'accept'; content?: Record<string, string> } | { action: 'decline' };

let server: TestServer;
let agents: TestAgents;
const clients: Client[] = [];
let plain: Client;

beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const { prefix, way } of WAYS)
    await Promise.all(
      AGENTS.map((name) =>
        server.json(201, 'POST', '/api/v1/agents', {
          url: agents.url(`${prefix}${name}${way}`),
          slug: `${prefix}${name}${way}`,
        }),
      ),
    );
  plain = await connect({});
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

describe.each(WAYS)('A2A $wire', ({ wire, prefix, way }) => {
  // A2A 0.3 has no file names over HTTP+JSON.
  const named = (name: string, otherwise: string) => (wire === '0.3-rest' ? otherwise : name);

  const call = async (agent: string, message: string, more: object = {}, client = plain) =>
    (await client.callTool({ name: `${prefix}${agent}${way}`, arguments: { message, ...more } })) as unknown as Result;

  test('completed', async () => {
    const { content, structuredContent, isError } = await call('researcher', 'Why in 100ms');
    expect(isError).toBeFalsy();
    expect(content).toHaveLength(2);
    expect(content[0]?.text).toMatch(/^# Why in 100ms\n\n1\. .*\n2\. .*\n3\. .*\n4\. /);
    expect(structuredContent).toMatchObject({
      state: 'completed',
      task_id: expect.any(String),
      context_id: expect.any(String),
      data: { sources: expect.any(Array) },
    });
    expect(JSON.parse(content[1]?.text ?? '')).toEqual(structuredContent?.data);
  });

  test('direct message', async () => {
    expect(await call('echo', 'message: hello')).toMatchObject({
      content: [{ type: 'text', text: 'hello' }],
      structuredContent: { state: 'completed' },
    });
  });

  test.each([
    ['failed', 'please fail', 'The agent failed: The database of this agent is on fire.'],
    ['rejected', 'please reject', 'The agent rejected the task: This agent does not do such things.'],
    ['canceled', 'please cancel', 'The task was canceled: This agent changed its mind.'],
  ])('%s', async (state, message, text) => {
    expect(await call('flaky', message)).toMatchObject({
      isError: true,
      content: [{ text }],
      structuredContent: { state, task_id: expect.any(String) },
    });
  });

  test('question, client cannot ask', async () => {
    const asked = await call('asker', 'Paint the shed');
    expect(asked.isError).toBeFalsy();
    const taskId = asked.structuredContent?.task_id;
    expect(asked).toMatchObject({
      structuredContent: { state: 'input-required' },
      content: [{ text: expect.stringMatching(`^Which colour do you want\\?[^]*${taskId}`) }],
    });
    const answered = await call('asker', 'green', { task_id: taskId });
    expect(answered).toMatchObject({
      content: [{ text: 'You chose: green' }],
      structuredContent: { state: 'completed', task_id: taskId },
    });
  });

  test('question, client can ask', async () => {
    for (const era of ['modern', 'legacy'] as const) {
      const questions: string[] = [];
      const client = await connect({ form: {} }, era, (message) => {
        questions.push(message);
        return { action: 'accept', content: { answer: 'red' } };
      });
      expect(await call('asker', 'Paint the shed', {}, client)).toMatchObject({
        content: [{ text: 'You chose: red' }],
        structuredContent: { state: 'completed' },
      });
      expect(questions).toEqual(['Which colour do you want?']);
    }
  });

  test('question declined', async () => {
    const client = await connect({ form: {} }, 'modern', () => ({ action: 'decline' }));
    const declined = await call('asker', 'Paint the shed', {}, client);
    expect(declined).toMatchObject({
      content: [{ text: expect.stringContaining('still waits') }],
      structuredContent: { state: 'input-required' },
    });
    const answered = await call('asker', 'blue', { task_id: declined.structuredContent?.task_id });
    expect(answered).toMatchObject({ content: [{ text: 'You chose: blue' }] });
  });

  test('no question', async () => {
    const result = await call('asker', 'Tell me about the sky without a question');
    expect(result.isError).toBeFalsy();
    expect(result).toMatchObject({
      content: [{ text: 'The sky is blue.' }],
      structuredContent: { state: 'input-required' },
    });
  });

  test('authorization', async () => {
    const result = await call('asker', 'Authorize me');
    expect(result.isError).toBeFalsy();
    expect(result).toMatchObject({
      structuredContent: { state: 'auth-required' },
      content: [{ text: expect.stringContaining('https://example.com/authorize?demo=1') }],
    });
  });

  test('authorization by URL', async () => {
    const shown: unknown[] = [];
    const client = await connect({ form: {}, url: {} }, 'modern', (_, params) => {
      shown.push(params.url);
      return { action: 'accept' };
    });
    const result = await call('asker', 'authorize and wait 100ms', {}, client);
    expect(shown).toEqual(['https://example.com/authorize?demo=1']);
    expect(result).toMatchObject({
      content: [{ text: 'Thank you, you are signed in.' }],
      structuredContent: { state: 'completed' },
    });
  });

  test('image, audio', async () => {
    const { content } = await call('files', 'image and audio');
    expect(content).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'image', mimeType: 'image/png' }),
        expect.objectContaining({ type: 'audio', mimeType: 'audio/wav' }),
      ]),
    );
  });

  test('other files', async () => {
    const { content } = await call('files', 'csv');
    expect(content[1]).toMatchObject({ type: 'resource', resource: { mimeType: 'text/csv' } });
    expect(Buffer.from(content[1]?.resource?.blob ?? '', 'base64').toString()).toMatch(/^day,cm\n/);
    expect(await call('files', 'big 1 MiB')).toMatchObject({ content: [{}, { type: 'resource' }] });
    const big = await call('files', 'big 5 MiB');
    const uri = big.content[1]?.uri ?? '';
    expect(big.content[1]).toMatchObject({ type: 'resource_link', name: named('big.bin', 'file'), size: 5 << 20 });
    const { contents } = await plain.readResource({ uri });
    expect(Buffer.from((contents[0] as { blob: string }).blob, 'base64')).toHaveLength(5 << 20);
  });

  test('links', async () => {
    expect((await call('files', 'link')).content[1]).toMatchObject({
      type: 'resource_link',
      uri: 'https://example.com/demo/report.pdf',
      name: named('report.pdf', 'https://example.com/demo/report.pdf'),
    });
  });

  test('only files', async () => {
    expect((await call('files', 'image')).content[0]).toEqual({ type: 'text', text: 'The agent sent 1 file.' });
  });

  test.each([
    ['JSON-RPC error', 'rpc error', /This agent was asked for an error/],
    ['HTTP error', 'http 503', /^unavailable: .*503/],
    ['garbage', 'garbage', /^unavailable: /],
  ])('%s', async (_, message, expected) => {
    const result = await call('flaky', message);
    expect(result).toMatchObject({ isError: true, content: [{ type: 'text', text: expect.stringMatching(expected) }] });
  });

  test('conversations go on with context_id; other ids are refused by name', async () => {
    const first = await call('researcher', 'One in 10ms');
    const contextId = first.structuredContent?.context_id;
    const second = await call('researcher', 'Two in 10ms', { context_id: contextId });
    expect(second.structuredContent?.context_id).toBe(contextId);
    const { key } = await server.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', {
      name: 'another',
      roles: ['operator'],
    });
    const another = await connect({}, 'modern', undefined, key);
    expect(await call('researcher', 'Three', { context_id: contextId }, another)).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('context_id') }],
    });
    expect(await call('researcher', 'Three', { task_id: 'nobody' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('task_id') }],
    });
  });

  test('arguments that do not fit name the field and never reach the agent', async () => {
    const before = (await agents.ledger(`${prefix}echo${way}`)).messages.length;
    expect(await call('echo', '')).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('message') }],
    });
    expect(await call('echo', 'x', { surprise: 1 })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('surprise') }],
    });
    expect(await call('echo', 'x', { files: [{ name: 'neither' }] })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('files.0') }],
    });
    expect((await agents.ledger(`${prefix}echo${way}`)).messages.length).toBe(before);
  });

  test('files and data reach the agent', async () => {
    const { content } = await call('echo', 'look', {
      data: { a: 1 },
      files: [{ data: 'aGk=', mime: 'image/png', name: 'x.png' }],
    });
    expect(content[0]?.text).toBe(`lookfile: ${named('x.png', 'unnamed')} (image/png, 2 bytes)data: {"a":1}`);
  });
});

describe.each(WAYS.filter(({ way }) => way !== '-plain'))('A2A $wire, streamed', ({ prefix, way }) => {
  test('broken stream', async () => {
    const result = await plain.callTool({ name: `${prefix}flaky${way}`, arguments: { message: 'disconnect' } });
    expect(result).toMatchObject({
      content: [{ text: 'Nothing went wrong this time.' }],
      structuredContent: { state: 'completed' },
    });
  });
});

test('too slow', async () => {
  await using impatient = await startServer({ env: { AGENT_CALL_TIMEOUT_MS: '1500' } });
  await impatient.json(201, 'POST', '/api/v1/agents', { url: agents.url('long-runner') });
  const client = await impatient.mcp();
  const result = (await client.callTool({
    name: 'long-runner',
    arguments: { message: 'for 60 s' },
  })) as unknown as Result;
  await client.close();
  expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/^timeout: .*1500 ms/) }] });
  await expect.poll(async () => (await agents.ledger('long-runner')).cancels, { timeout: 10_000 }).toHaveLength(1);
});

async function connect(
  elicitation: { form?: Record<string, never>; url?: Record<string, never> },
  era: 'modern' | 'legacy' = 'modern',
  answer?: (message: string, params: { url?: string }) => Answer,
  key = ADMIN_KEY,
): Promise<Client> {
  const capabilities = answer === undefined ? {} : { elicitation };
  const versionNegotiation = { mode: era === 'modern' ? { pin: '2026-07-28' } : ('legacy' as const) };
  const client = new Client({ name: 'results', version: '1' }, { capabilities, versionNegotiation });
  if (answer !== undefined)
    client.setRequestHandler('elicitation/create', ({ params }) =>
      Promise.resolve(answer(params.message, params as { url?: string })),
    );
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', server.url), { requestInit }));
  clients.push(client);
  return client;
}
