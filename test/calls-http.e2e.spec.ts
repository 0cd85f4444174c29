import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { contextWith, errorOf, useCalls } from './support/calls.js';
import { closeAll, echoing, startServer } from './support/outbound.js';

const call = await useCalls();
const closed = await useCalls({});
afterEach(closeAll);

const MB = 1_024 * 1_024;
type Echo = { method: string; url: string; headers: Record<string, string>; body: string };

/** Answers with this, whatever is asked. */
const answering = (type: string | undefined, body: string | Buffer, status = 200) =>
  startServer((_, response) =>
    response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(body),
  );

test('what the definition says arrives: method, template, query, headers, body, idempotency key and trace', async () => {
  const { url } = await startServer(echoing);
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const args = {
    method: 'post',
    endpoint: `${url}/pets/{pet.id}/{missing}x{flag}`,
    query: { q: 'a b&c', n: 5, no: null },
    headers: { 'x-own': 'yes', 'x-number': 7 },
    body: { name: 'ä' },
    output: 'content',
  };
  const raw = (await call('http', args, {
    data: { 'pet.id': 'a/b ü(', flag: true },
    trace: { parent: trace },
  })) as string;
  const said = JSON.parse(raw) as Echo;
  expect(said).toMatchObject({
    method: 'POST',
    url: '/pets/a%2Fb%20%C3%BC%28/xtrue?q=a+b%26c&n=5',
    body: '{"name":"ä"}',
    headers: {
      'x-own': 'yes',
      'x-number': '7',
      'content-type': 'application/json',
      'idempotency-key': 'step-key',
      traceparent: trace,
    },
  });
});

test('a safe method has no idempotency key, and one of the author wins', async () => {
  const { url } = await startServer(echoing);
  const headersOf = async (args: object) =>
    (JSON.parse((await call('http', { endpoint: url, ...args })) as string) as Echo).headers;
  expect(await headersOf({ method: 'GET' })).not.toHaveProperty('idempotency-key');
  expect(await headersOf({ method: 'PUT', headers: { 'Idempotency-Key': 'mine' } })).toMatchObject({
    'idempotency-key': 'mine',
  });
});

test.each([
  ['plain text', undefined, 'text/plain;charset=utf-8', 'plain text'],
  ['<a/>', 'application/xml', 'application/xml', '<a/>'],
  [{ a: 'x y', b: 1 }, 'application/x-www-form-urlencoded', 'application/x-www-form-urlencoded', 'a=x+y&b=1'],
  [[1, 'a'], undefined, 'application/json', '[1,"a"]'],
  [false, 'application/vnd.x+json', 'application/vnd.x+json', 'false'],
])('the body %j of type %s is sent as %s', async (body, type, sentType, text) => {
  const { url } = await startServer(echoing);
  const headers = type === undefined ? {} : { 'content-type': type };
  const said = JSON.parse((await call('http', { method: 'POST', endpoint: url, headers, body })) as string) as Echo;
  expect([said.headers['content-type'], said.body]).toEqual([sentType, text]);
});

test.each([
  ['application/json', '{"a":[1,"\\u0000"]}', { a: [1, '\ufffd'] }],
  ['application/problem+json; charset=utf-8', '{"a":1}', { a: 1 }],
  ['text/html; charset=iso-8859-1', Buffer.from([0xe4]), 'ä'],
  ['text/plain; charset=nonsense', 'ä', 'ä'],
  [undefined, 'text', 'text'],
  [undefined, Buffer.from([0xff, 0x00]), '/wA='],
  ['image/png', Buffer.from([1, 2]), 'AQI='],
  ['application/json', '', null],
])('an answer of type %s is data', async (type, body, content) => {
  const { url } = await answering(type, body);
  expect(await call('http', { method: 'GET', endpoint: url })).toEqual(content);
});

test('the output can be the bytes, or the whole response without what the request showed', async () => {
  const { url } = await answering('application/json', '{"a":1}');
  const args = { method: 'GET', endpoint: url, query: { key: 'hush-hush' }, headers: { 'x-key': 'hush-hush' } };
  expect(await call('http', { ...args, output: 'raw' })).toBe(Buffer.from('{"a":1}').toString('base64'));
  const response = await call('http', { ...args, output: 'response' });
  expect(response).toMatchObject({
    request: { method: 'get', uri: `${url}/` },
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    content: { a: 1 },
  });
  expect(JSON.stringify(response)).not.toContain('hush');
});

test.each([
  [404, 'communication 404'],
  [503, 'communication 503'],
  [401, 'authentication 401'],
  [403, 'authorization 403'],
  [302, 'communication 302'],
  [304, 'communication 304'],
])('the status %i is an error of the workflow', async (status, error) => {
  const { url } = await answering('application/json', '{"error":"no such pet"}', status);
  const said = await errorOf(call('http', { method: 'GET', endpoint: url }));
  expect(said).toMatch(new RegExp(`^${error}: 127[.]0[.]0[.]1:\\d+ answered HTTP ${status}`));
  expect(said.includes('no such pet')).toBe(status !== 304);
});

test('an error repeats nothing of what was sent', async () => {
  const { url } = await startServer((request, response) => {
    response.writeHead(422, { 'content-type': 'application/json' });
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () =>
      response.end(JSON.stringify({ why: 'wrong city', url: request.url, headers: request.headers, body })),
    );
  });
  const said = await errorOf(
    call('http', {
      method: 'POST',
      endpoint: { uri: url, authentication: { basic: { username: 'user', password: 'secret-1' } } },
      query: { key: 'secret/2' },
      headers: { 'x-key': 'secret"3' },
      body: { nested: ['secret\n4'] },
    }),
  );
  expect(said).toMatch(/^communication 422: .*wrong city/);
  expect(said).not.toMatch(/secret|c2VjcmV0|dXNlc/);
});

test('redirects are errors by default, and followed when wanted where that is safe', async () => {
  const { url } = await startServer((request, response) => {
    if (request.url === '/old') response.writeHead(302, { location: '/new' }).end();
    else response.end(request.url);
  });
  const old = { endpoint: `${url}/old` };
  expect(await errorOf(call('http', { method: 'GET', ...old }))).toMatch(/^communication 302/);
  expect(await call('http', { method: 'GET', ...old, redirect: true })).toBe('/new');
  expect(await call('http', { method: 'POST', ...old, redirect: true, output: 'response' })).toMatchObject({
    statusCode: 302,
    headers: { location: '/new' },
  });
});

test('what authenticates does not follow a redirect to another origin', async () => {
  const other = await startServer(echoing);
  const { url } = await startServer((_, response) => response.writeHead(302, { location: other.url }).end());
  const endpoint = { uri: url, authentication: { bearer: { token: 'hush-hush' } } };
  const said = await call('http', { method: 'GET', endpoint, redirect: true });
  expect(said).not.toContain('hush');
});

test('private networks are refused, by name, by address and behind a redirect', async () => {
  const { url } = await startServer(echoing);
  const refused = /^authorization 403: .* must not be reached: .*not in ALLOWED_NETWORKS$/;
  expect(await errorOf(closed('http', { method: 'GET', endpoint: url }))).toMatch(refused);
  expect(await errorOf(closed('http', { method: 'GET', endpoint: 'http://localhost:1/' }))).toMatch(refused);
  const away = await startServer((_, response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
  );
  expect(await errorOf(call('http', { method: 'GET', endpoint: away.url, redirect: true }))).toMatch(refused);
});

test('an answer larger than it may be is an error, however it is packed', async () => {
  const { url } = await startServer((request, response) => {
    if (request.url === '/packed') response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(2 * MB)));
    else response.end(Buffer.alloc(2 * MB));
  });
  for (const path of ['/plain', '/packed'])
    expect(await errorOf(call('http', { method: 'GET', endpoint: url + path }))).toMatch(
      /^communication 502: .* larger than 1048576 bytes$/,
    );
  expect(await call('http', { method: 'GET', endpoint: url, output: 'raw' }, { maxBytes: 3 * MB })).toHaveLength(
    Math.ceil((2 * MB) / 3) * 4,
  );
});

test('a body that comes drop by drop ends with the time of the call, and its connection with it', async () => {
  let ended = false;
  const { url } = await startServer((_, response) => {
    const drop = setInterval(() => response.write('.'), 20);
    response.on('close', () => {
      ended = true;
      clearInterval(drop);
    });
  });
  expect(await errorOf(call('http', { method: 'GET', endpoint: url }, { maxMs: 300 }))).toBe(
    'timeout 408: The call took longer than 300 ms',
  );
  await expect.poll(() => ended, { timeout: 10_000 }).toBe(true);
});

test('a call that is aborted ends with the reason, before and while it is made', async () => {
  const { url } = await startServer(() => undefined);
  const reason = new Error('cancelled');
  const controller = new AbortController();
  const pending = call('http', { method: 'GET', endpoint: url }, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 50);
  await expect(pending).rejects.toBe(reason);
  await expect(call('http', { method: 'GET', endpoint: url }, { signal: controller.signal })).rejects.toBe(reason);
});

test('what cannot be reached or read is an error of communication', async () => {
  expect(await errorOf(call('http', { method: 'GET', endpoint: 'http://127.0.0.1:1/' }))).toMatch(
    /^communication 503: 127.0.0.1:1 cannot be reached/,
  );
  const { url } = await answering('application/json', '{"a":');
  expect(await errorOf(call('http', { method: 'GET', endpoint: url }))).toMatch(/^communication 502: .*JSON/);
});

test.each([
  [{ method: 5 }, 'validation 400: with.method: expected a text'],
  [{ method: 'TRACE' }, 'validation 400: with.method: expected an HTTP method'],
  [{ endpoint: undefined }, 'validation 400: with.endpoint: expected a URI'],
  [{ endpoint: { uri: 'nowhere' } }, 'validation 400: with.endpoint.uri: expected an absolute URI'],
  [{ endpoint: 'ftp://x/' }, 'validation 400: with.endpoint: expected an http or https URI'],
  [{ endpoint: 'http://u:hush-hush@x/' }, 'validation 400: with.endpoint: expected a URI without credentials'],
  [{ endpoint: 'http://x/{?q}' }, 'validation 400: with.endpoint: expected simple variables such as {id}'],
  [{ endpoint: 'http://x/{dots}/y' }, 'validation 400: with.endpoint: expected another value of dots'],
  [{ endpoint: 'http://x/{object}' }, 'expression 400: with.endpoint: expected object to be a text'],
  [{ headers: { host: 'y' } }, 'validation 400: with.headers.host: expected not to be set'],
  [{ headers: { 'x-key': 'hush-hush\n' + 'x' } }, 'validation 400: with.headers.x-key: expected a name and a value'],
  [{ headers: [] }, 'validation 400: with.headers: expected an object'],
  [{ query: { a: {} } }, 'validation 400: with.query.a: expected a text'],
  [{ output: 'x' }, 'validation 400: with.output: expected one of content, raw, response'],
  [{ redirect: 'yes' }, 'validation 400: with.redirect: expected a boolean'],
])('%j is refused with the field and what was expected', async (wrong, words) => {
  const args = { method: 'GET', endpoint: 'http://127.0.0.1:1/', ...wrong };
  const said = await errorOf(call('http', args, contextWith({}, { data: { dots: '..', object: {} } })));
  expect(said).toContain(words);
  expect(said).not.toContain('hush');
});
