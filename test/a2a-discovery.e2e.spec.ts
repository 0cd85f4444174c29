import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useClient } from './support/a2a-client.js';
import { startAgents, type TestAgents } from './support/agents.js';
import { sendJson, startStubAgent } from './support/stub-agent.js';

const client = useClient();
let agents: TestAgents;

beforeAll(async () => {
  agents = await startAgents();
});
afterAll(() => agents[Symbol.asyncDispose]());

const options = () => ({ signal: AbortSignal.timeout(10_000) });
const CARD = { name: 'Stub', url: '/rpc', version: '1', extra: { kept: ['as', 'it', 'is'] } };

/** Serves a card at one path, and 404 with a web page elsewhere. */
const servingAt = (path: string) => (request: { path: string }, response: ServerResponse) => {
  if (request.path === path) return sendJson(response, CARD);
  response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>');
};

test.each(['echo', 'legacy-echo'])(
  '%s is found by its base address, with or without a slash, and by its card',
  async (name) => {
    const base = agents.url(name);
    for (const url of [base, base.slice(0, -1), `${base}#top`, `${base}.well-known/agent-card.json`]) {
      const found = await client.discover(url, options());
      expect(found.url).toBe(`${base}.well-known/agent-card.json`);
      expect(found.card.interfaces[0]).toMatchObject({ url: base, version: name === 'echo' ? '1.0' : '0.3' });
    }
  },
);

test.each([
  ['/.well-known/agent.json', ''],
  ['/agents/one/.well-known/agent-card.json', 'agents/one'],
  ['/agents/one/.well-known/agent.json', 'agents/one/'],
  ['/.well-known/agent-card.json', 'some/page'],
  ['/card?of=one', 'card?of=one'],
  ['/cards/one.json', 'cards/one.json'],
])('a card at %s is found by /%s, and kept verbatim', async (path, given) => {
  await using stub = await startStubAgent(servingAt(path));
  const found = await client.discover(`${stub.url}${given}`, options());
  expect(found).toMatchObject({ url: `${stub.url.slice(0, -1)}${path}`, raw: CARD });
  expect(found.card.interfaces[0]?.url).toBe(`${stub.url}rpc`);
});

test('when there is no card, every address tried is told with what came', async () => {
  const pages: Record<string, (response: ServerResponse) => void> = {
    '/team/.well-known/agent-card.json': (response) =>
      sendJson(response, { name: 'No address', supportedInterfaces: [{}] }),
    '/team/.well-known/agent.json': (response) => response.end('<html>'),
    '/team?key=secret': (response) => response.writeHead(401).end(),
    '/.well-known/agent-card.json': (response) => sendJson(response, { ...CARD, description: 'x'.repeat(300_000) }),
  };
  await using stub = await startStubAgent(({ path }, response) => {
    const page = pages[path];
    if (page) page(response);
    else response.writeHead(500).end();
  });
  const failure = client.discover(`${stub.url}team?key=secret`, options());
  await expect(failure).rejects.toMatchObject({ code: 'invalid' });
  const { message } = (await failure.catch((error: Error) => error)) as Error;
  const told = message.replaceAll(stub.url, '/').split('; ');
  expect(told).toEqual([
    'No A2A agent card found. Tried /team/.well-known/agent-card.json: Not an A2A agent card: `supportedInterfaces[0].protocolBinding` must name a protocol binding',
    '/team/.well-known/agent.json: not a JSON object',
    expect.stringMatching(/^\/team: The agent at .* asks for credentials, and none are known for it \(HTTP 401\)$/),
    expect.stringMatching(/^\/.well-known\/agent-card.json: The answer of .* is larger than 262144 bytes$/),
    '/.well-known/agent.json: HTTP 500',
  ]);
});

test('a card address that serves none is not replaced by another', async () => {
  await using stub = await startStubAgent(servingAt('/.well-known/agent-card.json'));
  await expect(client.discover(`${stub.url}team/card.json`, options())).rejects.toMatchObject({ code: 'invalid' });
  expect(stub.requests).toHaveLength(1);
});

test('what is no address is refused as such', async () => {
  await expect(async () => client.discover('not an address', options())).rejects.toMatchObject({ code: 'invalid' });
});

test('where nobody listens, that is told at once', async () => {
  const stub = await startStubAgent(() => undefined);
  await stub.close();
  await expect(client.discover(stub.url, options())).rejects.toMatchObject({ code: 'unavailable' });
});

test('a card is asked for with the credentials and headers given, in A2A 1.0', async () => {
  await using stub = await startStubAgent(servingAt('/.well-known/agent-card.json'));
  const credentials = { type: 'bearer', token: 'secret' } as const;
  await client.discover(stub.url, { ...options(), credentials, headers: { 'x-team': 'one' } });
  expect(stub.requests[0]?.headers).toMatchObject({
    authorization: 'Bearer secret',
    'x-team': 'one',
    'a2a-version': '1.0',
  });
});

test('a known card is fetched again only when it has changed', async () => {
  const known = await client.discover(agents.url('asker'), options());
  expect(await client.refetch(known, options())).toBeUndefined();
  await agents.changeCard('asker', { skills: [{ id: 'new', name: 'New' }] });
  const changed = await client.refetch(known, options());
  expect(changed?.card.skills).toMatchObject([{ id: 'new' }]);
  expect(changed?.etag).not.toBe(known.etag);
  await agents.changeCard('asker', {});
});

test('a known card that is gone or no card any more is unavailable, and its address is told', async () => {
  await using stub = await startStubAgent((_request, response) => sendJson(response, { name: 'Changed' }, 200));
  const known = { url: `${stub.url}.well-known/agent-card.json` };
  await expect(client.refetch({ url: `${agents.url('echo')}gone.json` }, options())).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('gone.json could not be read: HTTP 404'),
  });
  // A legacy card without an address means the place where it was found.
  expect((await client.refetch(known, options()))?.card.interfaces[0]?.url).toBe(stub.url);
});
