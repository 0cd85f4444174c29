import type { LookupAddress } from 'node:dns';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { closeAll, echoing, outboundWith, problemOf, saying, startServer } from './support/outbound.js';

const MB = 1_024 * 1_024;

afterEach(closeAll);

test('a request and its answer go through as with fetch', async () => {
  const server = await startServer(echoing);
  const response = await outboundWith().fetch(`${server.url}/path?q=1`, {
    method: 'post',
    headers: { 'X-Own': 'yes', Host: 'elsewhere' },
    body: '{"ä":1}',
  });
  expect([response.status, response.url]).toEqual([200, `${server.url}/path?q=1`]);
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect(await response.json()).toMatchObject({
    method: 'POST',
    url: '/path?q=1',
    body: '{"ä":1}',
    headers: {
      host: `127.0.0.1:${server.port}`,
      'x-own': 'yes',
      'content-type': 'text/plain;charset=UTF-8',
      'content-length': '8',
    },
  });
});

test.each([
  ['bytes', new TextEncoder().encode('abc'), undefined],
  ['a form', new URLSearchParams({ a: '1' }), 'application/x-www-form-urlencoded;charset=UTF-8'],
])('%s can be sent', async (_, body, type) => {
  const server = await startServer(echoing);
  const response = await outboundWith().fetch(server.url, { method: 'POST', body });
  expect(await response.json()).toMatchObject({ body: type === undefined ? 'abc' : 'a=1' });
});

test('answers without a body have none', async () => {
  const server = await startServer(({ url, method }, response) => {
    if (method === 'HEAD') response.setHeader('content-length', 20 * MB);
    response.writeHead(Number(url?.slice(1))).end();
  });
  const outbound = outboundWith();
  for (const status of [204, 304])
    expect(await outbound.fetch(`${server.url}/${status}`)).toMatchObject({ status, body: null });
  expect(await outbound.fetch(`${server.url}/200`, { method: 'HEAD' })).toMatchObject({ status: 200, body: null });
});

test('connections are reused', async () => {
  const server = await startServer(echoing);
  const outbound = outboundWith();
  for (let i = 0; i < 20; i++) await (await outbound.fetch(server.url)).text();
  // A connection is free again one turn of the loop after the end of its answer, so two take turns.
  expect(server.connections()).toBeLessThanOrEqual(2);
});

test.each([
  'http://127.0.0.1',
  'http://127.1',
  'http://2130706433',
  'http://0x7f.1',
  'http://0177.0.0.1',
  'http://0',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:7f00:1]',
  'http://169.254.169.254/latest/meta-data',
  'https://10.0.0.1',
  'http://[fd00::1]',
])('%s is refused before anything is sent', async (url) => {
  expect(await problemOf(outboundWith({ allowedNetworks: [] }).fetch(url))).toMatch(
    saying('forbidden', new URL(url).host, 'address', 'ALLOWED_NETWORKS'),
  );
});

test.each([
  ['ftp://example.com/', 'http or https'],
  ['file:///etc/passwd', 'http or https'],
  ['data:text/plain,x', 'http or https'],
  ['http://user:secret@example.com/', 'credentials'],
  ['/relative', 'absolute'],
])('%s is no URL for us', async (url, word) => {
  const said = await problemOf(outboundWith().fetch(url));
  expect(said).toMatch(saying('invalid', word));
  expect(said).not.toContain('secret');
});

test('a name is refused when all it resolves to is private, and the message says to what', async () => {
  const lookup = () =>
    Promise.resolve([
      { address: '10.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
  expect(await problemOf(outboundWith({ lookup }).fetch('http://internal.example'))).toMatch(
    saying(
      'forbidden',
      'internal.example',
      '10.0.0.1, a private address',
      '::1, a loopback address',
      'ALLOWED_NETWORKS',
    ),
  );
});

test('localhost is where the system says it is', async () => {
  const server = await startServer(echoing);
  const url = `http://localhost:${server.port}`;
  expect(await problemOf(outboundWith({ allowedNetworks: [] }).fetch(url))).toMatch(
    saying('forbidden', 'localhost', 'loopback'),
  );
  expect((await outboundWith().fetch(url)).status).toBe(200);
});

test('of what a name resolves to only allowed addresses are connected to', async () => {
  const server = await startServer(echoing);
  const lookup = () =>
    Promise.resolve([
      { address: '127.0.0.2', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]);
  const response = await outboundWith({ lookup }).fetch(`http://mixed.example:${server.port}/`);
  expect(await response.json()).toMatchObject({ headers: { host: `mixed.example:${server.port}` } });
});

test('a name that later resolves to a private address keeps its checked connection and gets no new one', async () => {
  const server = await startServer((request, response) => {
    if (request.url === '/last') response.setHeader('connection', 'close');
    response.end();
  });
  const answers = ['127.0.0.1', '127.0.0.2'];
  const lookup = vi.fn<() => Promise<LookupAddress[]>>(() =>
    Promise.resolve([{ address: answers.shift() ?? '127.0.0.2', family: 4 }]),
  );
  const outbound = outboundWith({ lookup });
  const url = `http://rebinding.example:${server.port}`;
  await (await outbound.fetch(url)).text();
  await sleep(20); // a connection is free again one turn of the loop later
  await (await outbound.fetch(`${url}/last`)).text();
  expect(lookup).toHaveBeenCalledTimes(1);
  expect(await problemOf(outbound.fetch(url))).toMatch(
    saying('forbidden', 'rebinding.example', '127.0.0.2, a loopback address'),
  );
  expect(lookup).toHaveBeenCalledTimes(2);
});

test('a redirect is followed on the same origin with all headers, elsewhere without any that may be a credential', async () => {
  const other = await startServer(echoing);
  const server = await startServer((request, response) => {
    if (request.url === '/there') response.writeHead(302, { location: `${other.url}/card` }).end();
    else if (request.url === '/here') response.writeHead(308, { location: '/card' }).end();
    else echoing(request, response);
  });
  const headers = {
    authorization: 'Bearer x',
    cookie: 'c=1',
    'x-api-key': 'k',
    'x-vendor-token': 't',
    accept: 'application/json',
  };
  const outbound = outboundWith();
  const here = await outbound.fetch(`${server.url}/here`, { headers });
  expect(here.url).toBe(`${server.url}/card`);
  expect(await here.json()).toMatchObject({ headers });
  const there = await outbound.fetch(`${server.url}/there`, { headers });
  expect(there.url).toBe(`${other.url}/card`);
  const arrived = (await there.json()) as { headers: Record<string, string> };
  expect(Object.keys(arrived.headers).sort()).toEqual(['accept', 'connection', 'host', 'user-agent']);
});

test.each([
  ['http://10.0.0.1/', 'forbidden'],
  ['http://[::1]/', 'forbidden'],
  ['file:///etc/passwd', 'invalid'],
  ['http://[', 'unavailable'],
])('a redirect to %s is refused', async (location, code) => {
  const server = await startServer((_, response) => response.writeHead(302, { location }).end());
  expect(await problemOf(outboundWith().fetch(server.url))).toMatch(saying(code));
});

test('redirects end after three, and are not followed for what changes something or on request', async () => {
  let requests = 0;
  const server = await startServer((_, response) => {
    requests++;
    response.writeHead(307, { location: '/again' }).end('see there');
  });
  const outbound = outboundWith();
  expect(await problemOf(outbound.fetch(server.url))).toMatch(saying('unavailable', '3 redirects'));
  expect(requests).toBe(4);
  expect((await outbound.fetch(server.url, { method: 'POST', body: 'x' })).status).toBe(307);
  expect((await outbound.fetch(server.url, { redirect: 'manual' })).headers.get('location')).toBe('/again');
  expect(requests).toBe(6);
});
