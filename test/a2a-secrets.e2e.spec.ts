import type { AgentConnection } from '@app/a2a';
import { expect, test } from 'vitest';
import { connectTo, listen, say, useClient } from './support/a2a-client.js';
import { sendJson, sendResult, startRpcStub, startStubAgent } from './support/stub-agent.js';

const client = useClient();
const signal = () => AbortSignal.timeout(20_000);
const exchange = (agent: AgentConnection) => listen(client.send(agent, say('hi'), signal()));
const completed = (text: string) => ({ kind: 'task', id: 't1', status: { state: 'completed', message: text } });

test('the tenant of an interface is echoed in every request, in either binding', async () => {
  await using stub = await startStubAgent(({ path }, response) => {
    const result = { id: 't1', status: { state: 'TASK_STATE_WORKING' } };
    return path === '/'
      ? sendResult(response, result)
      : sendJson(response, path.endsWith(':send') ? { task: result } : result);
  });
  for (const protocolBinding of ['JSONRPC', 'HTTP+JSON']) {
    const supportedInterfaces = [{ url: stub.url, protocolBinding, protocolVersion: '1.0', tenant: 'acme' }];
    const agent = { card: client.readCard({ name: 'Stub', supportedInterfaces }), origins: [] };
    for await (const _event of client.send(agent, say('hi'), signal())) break;
    await client.get(agent, 't1', signal());
    await client.cancel(agent, 't1', signal());
  }
  expect(stub.requests.slice(0, 3).map(({ body }) => body?.params?.tenant)).toEqual(['acme', 'acme', 'acme']);
  expect(stub.requests.slice(3).map(({ path }) => path)).toEqual([
    '/acme/message:send',
    '/acme/tasks/t1?historyLength=100',
    '/acme/tasks/t1:cancel',
  ]);
});

test('credentials and headers go to no origin but those pinned, and a refusal says why', async () => {
  await using stub = await startRpcStub({ 'message/send': (response) => response.writeHead(401).end() });
  const secret = { credentials: { type: 'bearer', token: 'secret' }, headers: { 'x-team': 'one' } } as const;
  const stranger = connectTo(client, stub.url, { ...secret, origins: ['https://a.example'] });
  await expect(exchange(stranger)).rejects.toMatchObject({
    code: 'unavailable',
    reason: 'CREDENTIALS_REFUSED',
    message: expect.stringMatching(/ours are not for it, since its origin is not the one registered/),
  });
  expect(stub.requests[0]?.headers).not.toHaveProperty('authorization');
  expect(stub.requests[0]?.headers).not.toHaveProperty('x-team');
});

test('with credentials, an interface that may see them is preferred', async () => {
  await using trusted = await startRpcStub({
    'message/send': (response) => sendResult(response, completed('trusted')),
  });
  await using other = await startRpcStub({
    'message/send': (response) => sendResult(response, completed('other')),
  });
  const additionalInterfaces = [{ url: trusted.url, transport: 'JSONRPC' }];
  const card = client.readCard({ name: 'Stub', url: other.url, additionalInterfaces });
  const origins = [new URL(trusted.url).origin];
  expect((await exchange({ card, origins })).answer).toBe('other');
  expect((await exchange({ card, origins, credentials: { type: 'bearer', token: 'secret' } })).answer).toBe('trusted');
});

test('no error tells a secret, not even one that the agent repeats', async () => {
  const stub = await startRpcStub({
    'message/send': (response, { path, headers }) =>
      sendJson(response, { jsonrpc: '2.0', error: { code: -32603, message: `${path} ${String(headers['x-team'])}` } }),
  });
  const credentials = { type: 'apiKey', in: 'query', name: 'key', value: 's3cret/+' } as const;
  const agent = connectTo(client, stub.url, { credentials, headers: { 'x-team': 'hush' } });
  const messageOf = async () => ((await exchange(agent).catch((error: Error) => error)) as Error).message;
  expect(await messageOf()).toMatch(/answered with an error: \/[?]key=[*]{3} [*]{3}$/);
  await stub.close();
  expect(await messageOf()).not.toMatch(/s3cret|hush/);
});
