import { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { CLIENT_SECRET, startIssuer, type TestIssuer } from './support/issuer.js';
import { freePort } from './support/ports.js';
import { callerWith } from './support/principals.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';
import { startTask } from './support/task-client.js';
import { openSocket } from './support/ws-client.js';

const PORT = await freePort();
const PUBLIC_URL = `http://127.0.0.1:${PORT}`;
const RESOURCE = `${PUBLIC_URL}/mcp`;
const ME = '/api/v1/permissions/me';

let issuer: TestIssuer;
let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  issuer = await startIssuer(RESOURCE, {
    alice: { groups: ['developers'] },
    boss: { groups: ['developers'], roles: ['platform'] },
    nobody: {},
  });
  const env = {
    PORT: String(PORT),
    PUBLIC_URL,
    OIDC_ISSUER: issuer.issuer,
    OIDC_SCOPES: 'mcp',
    OIDC_ROLE_MAP: 'platform=admin',
  };
  [server, agents] = await Promise.all([startServer({ env }), startAgents()]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
  await server.json(201, 'POST', '/api/v1/permissions/grants', {
    group: 'developers',
    actions: ['agents:call'],
    resources: [{ agent: 'echo' }],
  });
});
afterAll(async () => {
  await server.stop();
  await issuer[Symbol.asyncDispose]();
  await agents[Symbol.asyncDispose]();
});

const statusWith = async (token: string) => (await callerWith(server, token).call('GET', ME)).status;

describe('a person of the issuer', () => {
  test('is who the token says, with groups and roles, at every door', async () => {
    const alice = callerWith(server, await issuer.token('alice'));
    expect(await alice.json(200, 'GET', ME)).toMatchObject({
      principal: 'user:alice',
      roles: ['user'],
      groups: ['developers'],
    });
    expect(await alice.tool('echo', { message: 'hi' })).toContain('hi');
    expect((await alice.call('POST', '/api/v1/tasks', { agent: 'echo', message: 'hi' })).status).toBe(202);
    const client = await openSocket(server.streamUrl, { headers: alice.headers });
    const { streamUrl } = await client.call<{ streamUrl: string }>('invoke_agent', {
      agentId: 'echo',
      capability: '',
      input: { message: 'hi' },
    });
    expect(await (await openSocket(streamUrl)).closed).toMatchObject({ code: 1000 });
    await client.close();
    const boss = callerWith(server, await issuer.token('boss'));
    expect(await boss.json(200, 'GET', ME)).toMatchObject({ principal: 'user:boss', roles: ['admin'] });
    expect((await callerWith(server, await issuer.token('nobody')).call('GET', '/api/v1/agents/echo')).status).toBe(
      403,
    );
  });

  test('keeps what is hers with the next token', async () => {
    const first = callerWith(server, await issuer.token('alice'));
    const { task } = await startTask(server, { agent: 'echo', message: 'mine' }, first.headers);
    const second = callerWith(server, await issuer.token('alice'));
    expect((await second.call('GET', `/api/v1/tasks/${task.taskId}`)).status).toBe(200);
    const other = callerWith(server, await issuer.token('boss'));
    expect((await other.call('GET', `/api/v1/tasks/${task.taskId}`)).status).toBe(404);
  });

  test('API keys work beside', async () => {
    expect(await statusWith(ADMIN_KEY)).toBe(200);
  });
});

describe('an MCP client that knows nothing but the address', () => {
  test('finds the issuer, gets a token and calls', async () => {
    const authProvider = new ClientCredentialsProvider({
      clientId: 'alice',
      clientSecret: CLIENT_SECRET,
      expectedIssuer: issuer.issuer,
    });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(RESOURCE), { authProvider }));
    const { content } = await client.callTool({ name: 'echo', arguments: { message: 'hi' } });
    expect(JSON.stringify(content)).toContain('hi');
    await client.close();
  });

  test('is told where to ask, and for which scope', async () => {
    const response = await fetch(RESOURCE, { method: 'POST' });
    expect(response.status).toBe(401);
    const metadata = `${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp`;
    expect(response.headers.get('www-authenticate')).toBe(`Bearer resource_metadata="${metadata}", scope="mcp"`);
    expect(await (await fetch(metadata)).json()).toEqual({
      resource: RESOURCE,
      authorization_servers: [issuer.issuer],
      bearer_methods_supported: ['header'],
      scopes_supported: ['mcp'],
      resource_name: 'A2A MCP Server',
    });
    for (const path of ['oauth-protected-resource', 'oauth-protected-resource/other', 'openid-configuration'])
      expect((await fetch(`${PUBLIC_URL}/.well-known/${path}`)).status).toBe(404);
  });

  test('is told that its token lacks a scope', async () => {
    const token = await issuer.token('alice', { scope: '' });
    const response = await fetch(RESOURCE, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="insufficient_scope", .*scope="mcp"$/);
  });
});

describe('refused is a token', () => {
  const now = () => Math.floor(Date.now() / 1_000);
  const ofAnother = async () => (await generateKeyPair('ES256')).privateKey;
  const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

  test.each<[string, () => Promise<string>]>([
    ['for another audience', () => issuer.token('alice', { audience: 'https://elsewhere.example/mcp' })],
    ['without an audience', () => issuer.sign({ ...issuer.claims(), aud: undefined })],
    ['of another issuer', () => issuer.sign({ ...issuer.claims(), iss: 'https://evil.example' })],
    ['that has expired', () => issuer.sign({ ...issuer.claims(), exp: now() - 60 })],
    ['that never expires', () => issuer.sign({ ...issuer.claims(), exp: undefined })],
    ['that is not valid yet', () => issuer.sign({ ...issuer.claims(), nbf: now() + 600 })],
    ['of nobody', () => issuer.sign({ ...issuer.claims(), sub: undefined })],
    ['of an empty subject', () => issuer.sign({ ...issuer.claims(), sub: ' ' })],
    ['that is not signed', () => Promise.resolve(`${b64({ alg: 'none' })}.${b64(issuer.claims())}.`)],
    [
      'that says none and has a signature',
      () => Promise.resolve(`${b64({ alg: 'none' })}.${b64(issuer.claims())}.AAAA`),
    ],
    [
      'of another key under the same id',
      async () =>
        new SignJWT(issuer.claims()).setProtectedHeader({ alg: 'ES256', kid: 'first' }).sign(await ofAnother()),
    ],
    [
      'that brings its own key',
      async () => {
        const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
        const jwk = await exportJWK(publicKey);
        return new SignJWT(issuer.claims()).setProtectedHeader({ alg: 'ES256', kid: 'first', jwk }).sign(privateKey);
      },
    ],
    [
      'that names a key elsewhere',
      async () =>
        new SignJWT(issuer.claims())
          .setProtectedHeader({ alg: 'ES256', kid: '../../etc/passwd', jku: 'https://evil.example/jwks' })
          .sign(await ofAnother()),
    ],
    [
      'whose id is an injection',
      async () =>
        new SignJWT(issuer.claims()).setProtectedHeader({ alg: 'ES256', kid: `' or 1=1 --` }).sign(await ofAnother()),
    ],
    [
      'signed with the public key as a secret',
      async () =>
        new SignJWT(issuer.claims())
          .setProtectedHeader({ alg: 'HS256', kid: 'first' })
          .sign(new TextEncoder().encode(await exportSPKI(issuer.publicKey))),
    ],
    [
      'that was changed',
      async () => (await issuer.token('alice')).replace(/\.[^.]+\./, `.${b64(issuer.claims('admin'))}.`),
    ],
    ['that is none', () => Promise.resolve('a.b.c')],
  ])('%s', async (_, make) => {
    const token = await make();
    expect(await statusWith(token)).toBe(401);
    expect((await fetch(RESOURCE, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    expect(
      await (
        await openSocket(server.streamUrl, { headers: { authorization: `Bearer ${token}` } })
      ).closed,
    ).toMatchObject({
      code: 4401,
    });
  });

  test('and the log has no token', async () => {
    const token = await issuer.token('alice');
    await statusWith(token);
    await statusWith(`${token}x`);
    const [, , signature = ''] = token.split('.');
    expect(JSON.stringify(server.logs)).not.toContain(signature);
  });
});

test('a subject cannot be somebody of ours', async () => {
  const claims = issuer.claims('admin');
  expect(await callerWith(server, await issuer.sign(claims)).json(200, 'GET', ME)).toMatchObject({
    principal: 'user:admin',
    roles: ['user'],
  });
});

test('a token is believed no longer than it says: streams end with it', async () => {
  const claims = { ...issuer.claims('brief'), exp: Math.floor(Date.now() / 1_000) + 1 };
  const token = await issuer.sign(claims);
  expect(await statusWith(token)).toBe(200);
  const client = await openSocket(server.streamUrl, { headers: { authorization: `Bearer ${token}` } });
  await expect.poll(() => statusWith(token), { timeout: 10_000, interval: 250 }).toBe(401);
  expect(await client.closed).toMatchObject({ code: 4401 });
}, 30_000);

test('while the issuer is away, known tokens work on and others are told so', async () => {
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  const away = await startIssuer(`${publicUrl}/mcp`, { alice: {}, bob: {} });
  await using other = await startServer({
    env: { PORT: String(port), PUBLIC_URL: publicUrl, OIDC_ISSUER: away.issuer },
  });
  const [known, unknown] = [await away.token('alice'), await away.token('bob')];
  const before = await callerWith(other, known).call('GET', ME);
  expect(before.status).toBe(200);
  await away[Symbol.asyncDispose]();
  expect((await callerWith(other, known).call('GET', ME)).status).toBe(200);
  // The keys are known, so a good token is as good as before.
  expect((await callerWith(other, unknown).call('GET', ME)).status).toBe(200);
  await using fresh = await startServer({ env: { PUBLIC_URL: publicUrl, OIDC_ISSUER: away.issuer } });
  const refused = await callerWith(fresh, unknown).call('GET', ME);
  expect(refused.status).toBe(502);
  expect(await refused.json()).toMatchObject({
    code: 'unavailable',
    detail: expect.stringContaining('identity provider'),
  });
});
