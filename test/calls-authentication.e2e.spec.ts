import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { contextWith, errorOf, useCalls } from './support/calls.js';
import { CLIENT_SECRET, startIssuer } from './support/issuer.js';
import { closeAll, echoing, startServer } from './support/outbound.js';

const call = await useCalls();
afterEach(closeAll);

const RESOURCE = 'https://service.example/';

/** What a service sees in `Authorization`. */
async function shown(authentication: unknown, context = contextWith({})): Promise<string | undefined> {
  const { url } = await startServer(echoing);
  const said = (await call('http', { method: 'GET', endpoint: { uri: url, authentication } }, context)) as string;
  return (JSON.parse(said) as { headers: Record<string, string> }).headers['authorization'];
}

const basicOf = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

/** A token endpoint that counts. */
async function startAuthority(
  answer: (asked: URLSearchParams, authorization?: string) => [status: number, body: object],
) {
  const asked: URLSearchParams[] = [];
  const server = await startServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push(new URLSearchParams(body));
      const [status, said] = answer(new URLSearchParams(body), request.headers.authorization);
      response.writeHead(request.url === '/realm/token' ? status : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(said));
    });
  });
  const oauth2 = (more: object = {}) => ({
    oauth2: {
      authority: `${server.url}/realm/`,
      endpoints: { token: '/token' },
      grant: 'client_credentials',
      client: { id: 'runtime', secret: 'client-secret-value' },
      ...more,
    },
  });
  return { asked, oauth2, host: new URL(server.url).host };
}

const granting = (token: string, seconds?: number): [number, object] => [
  200,
  { access_token: token, token_type: 'Bearer', ...(seconds !== undefined && { expires_in: seconds }) },
];

test('basic and bearer, inline, by name, and with secrets', async () => {
  expect(await shown({ basic: { username: 'ü', password: 'p:w' } })).toBe(basicOf('ü:p:w'));
  expect(await shown({ bearer: { token: 't' } })).toBe('Bearer t');
  const context = contextWith(
    { login: { username: 'u', password: 'p' }, token: 'plain', wrapped: { token: 'inside' } },
    { authentications: { byLogin: { basic: { use: 'login' } }, byToken: { bearer: { token: 'named' } } } },
  );
  expect(await shown({ use: 'byLogin' }, context)).toBe(basicOf('u:p'));
  expect(await shown({ use: 'byToken' }, context)).toBe('Bearer named');
  expect(await shown({ bearer: { use: 'token' } }, context)).toBe('Bearer plain');
  expect(await shown({ bearer: { use: 'wrapped' } }, context)).toBe('Bearer inside');
});

test.each([
  [{ use: 'unknown' }, 'validation 400: authentication.use: expected the name of one of use.authentications'],
  [{ use: 'chained' }, 'configuration 400: use.authentications.chained: must not refer to another'],
  [{ bearer: { use: 'forbidden' } }, 'authorization 403: The secret forbidden may not be used here'],
  [{ basic: { use: 'text' } }, 'validation 400: authentication.basic.use: expected the secret text to be an object'],
  [{ basic: { password: 'hush-hush' } }, 'validation 400: authentication.basic.username: expected a text'],
  [{ basic: { username: 'a:b', password: 'hush-hush' } }, 'validation 400: authentication.basic.username'],
  [{ digest: { username: 'u', password: 'hush-hush' } }, 'configuration 400: authentication.digest: not supported'],
  [{ certificate: {} }, 'configuration 400: authentication.certificate: not supported'],
  [{ magic: {} }, 'configuration 400: authentication: expected one of basic, bearer, oauth2, oidc'],
  [{ bearer: { token: 'hush-hush' }, basic: {} }, 'configuration 400: authentication: expected one of'],
  ['name', 'validation 400: authentication: expected an object'],
  [
    { oauth2: { authority: 'http://x/', grant: 'authorization_code' } },
    'oauth2.grant: expected one of client_credentials, password',
  ],
  [{ oauth2: { authority: 'x', grant: 'password' } }, 'authentication.oauth2.authority: expected an absolute URI'],
  [
    { oidc: { authority: 'http://x/', grant: 'client_credentials', client: { id: 'a' } } },
    'oidc.client.secret: expected a text',
  ],
])('%j is refused', async (authentication, words) => {
  const context = contextWith({ text: 'hush-hush' }, { authentications: { chained: { use: 'other' } } });
  const said = await errorOf(shown(authentication, context));
  expect(said).toContain(words);
  expect(said).not.toContain('hush');
});

test('a token is asked for once by many calls, kept until it expires, and for each client and scope of its own', async () => {
  let count = 0;
  const { asked, oauth2 } = await startAuthority(() => granting(`t${++count}`, 3_600));
  const policy = oauth2({ scopes: ['a', 'b'], audiences: ['x', 'y'] });
  expect(await Promise.all([shown(policy), shown(policy), shown(policy)])).toEqual(Array(3).fill('Bearer t1'));
  expect(await shown(policy)).toBe('Bearer t1');
  expect([...(asked[0] ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
    ['audience', 'x'],
    ['audience', 'y'],
    ['client_id', 'runtime'],
    ['client_secret', 'client-secret-value'],
    ['grant_type', 'client_credentials'],
    ['scope', 'a b'],
  ]);
  expect(await shown(oauth2({ scopes: ['a'] }))).toBe('Bearer t2');
  expect(await shown(oauth2({ client: { id: 'runtime', secret: 'rotated' } }))).toBe('Bearer t3');
});

test.each([[undefined], [5]])('a token that says to expire in %s seconds is not kept', async (seconds) => {
  let count = 0;
  const { oauth2 } = await startAuthority(() => granting(`t${++count}`, seconds));
  expect([await shown(oauth2()), await shown(oauth2())]).toEqual(['Bearer t1', 'Bearer t2']);
});

test('a token that was withdrawn is replaced once', async () => {
  let count = 0;
  const { oauth2, asked } = await startAuthority(() => granting(`t${++count}`, 3_600));
  expect(await shown(oauth2())).toBe('Bearer t1');
  const { url } = await startServer(({ headers }, response) =>
    response.writeHead(headers.authorization === 'Bearer t1' ? 401 : 200).end(headers.authorization),
  );
  const endpoint = { uri: url, authentication: oauth2() };
  expect(await call('http', { method: 'POST', endpoint })).toBe('Bearer t2');
  const closed = await startServer((_, response) => response.writeHead(401).end());
  expect(await errorOf(call('http', { method: 'GET', endpoint: { ...endpoint, uri: closed.url } }))).toMatch(
    /^authentication 401/,
  );
  expect(asked.length).toBe(3);
});

test.each([
  ['client_secret_basic', { secret: 's' }, { client_id: null, client_secret: null }, basicOf('runtime:s')],
  ['client_secret_post', { secret: 's' }, { client_id: 'runtime', client_secret: 's' }, undefined],
  ['private_key_jwt', { assertion: 'a.b.c' }, { client_id: 'runtime', client_assertion: 'a.b.c' }, undefined],
  ['none', {}, { client_id: 'runtime', client_secret: null }, undefined],
])('a client shows who it is by %s', async (authentication, proof, fields, header) => {
  let authorization: string | undefined;
  const { oauth2, asked } = await startAuthority((_, given) => {
    authorization = given;
    return granting('t');
  });
  await shown(oauth2({ client: { id: 'runtime', authentication, ...proof } }));
  const names = Object.keys(fields);
  expect(Object.fromEntries(names.map((name) => [name, asked[0]?.get(name) ?? null]))).toEqual(fields);
  expect(authorization).toBe(header);
});

test('client_secret_jwt signs, and the password grant sends a name', async () => {
  const { oauth2, asked } = await startAuthority(() => granting('t'));
  const secret = createHash('sha256').update('x').digest('hex');
  await shown(oauth2({ client: { id: 'runtime', authentication: 'client_secret_jwt', secret } }));
  expect(asked[0]?.get('client_assertion')).toMatch(/^[\w-]+[.][\w-]+[.][\w-]+$/);
  await shown(oauth2({ grant: 'password', username: 'u', password: 'p' }));
  expect(Object.fromEntries(asked[1] ?? [])).toMatchObject({ grant_type: 'password', username: 'u', password: 'p' });
});

test('what an authority refuses, or answers wrongly, is an error without what was sent', async () => {
  const answers: [number, object][] = [
    [400, { error: 'invalid_client', error_description: 'client-secret-value is wrong' }],
    [200, { token: 'client-secret-value' }],
    [500, { message: 'client-secret-value' }],
  ];
  for (const [answer, words] of answers.map(
    (one, i) => [one, ['gave no token: invalid_client', 'is no token', 'is no token'][i]] as const,
  )) {
    const { oauth2, host } = await startAuthority(() => answer);
    const said = await errorOf(shown(oauth2()));
    expect(said).toContain(`authentication 401: The authority at ${host}`);
    expect(said).toContain(words);
    expect(said).not.toContain('client-secret');
  }
});

test('a token of another issuer than those named is refused', async () => {
  const jwt = (iss: string) =>
    ['{"alg":"none"}', JSON.stringify({ iss })].map((part) => Buffer.from(part).toString('base64url')).join('.') + '.x';
  const { oauth2 } = await startAuthority(() => granting(jwt('https://mine.example')));
  expect(await shown(oauth2({ issuers: ['https://mine.example'] }))).toMatch(/^Bearer /);
  expect(await errorOf(shown(oauth2({ issuers: ['https://other.example'] })))).toMatch(
    /^authentication 401: .*issued by none/,
  );
});

test('an OpenID provider is found by its discovery document, and must be who it says', async () => {
  await using provider = await startIssuer(RESOURCE, { runtime: {} });
  const oidc = (authority: string) => ({
    oidc: {
      authority,
      grant: 'client_credentials',
      client: { id: 'runtime', secret: CLIENT_SECRET, authentication: 'client_secret_basic' },
      scopes: ['mcp'],
      issuers: [provider.issuer],
    },
  });
  expect(await shown(oidc(provider.issuer))).toMatch(/^Bearer eyJ/);
  expect(await shown(oidc(`${provider.issuer}/.well-known/openid-configuration`))).toMatch(/^Bearer eyJ/);
  const elsewhere = provider.issuer.replace('127.0.0.1', 'localhost');
  expect(await errorOf(shown(oidc(elsewhere)))).toMatch(/^authentication 401|^authorization 403/);
  const wrong = { oidc: { ...oidc(provider.issuer).oidc, client: { id: 'runtime', secret: 'hush-hush' } } };
  const said = await errorOf(shown(wrong));
  expect(said).toMatch(/^authentication 401: The authority at .* (gave no token|refused the client)/);
  expect(said).not.toContain('hush');
});
