import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configurationPage } from '@app/config';
import { metricsPage } from '@app/telemetry';
import { ADMIN_KEY, launch, startServer, type TestServer } from './support/server.js';

describe('a running server', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(server.url + path, { headers });
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
  };

  test('/healthz, /readyz and the status answer without credentials', async () => {
    expect(JSON.parse((await get('/healthz')).body)).toMatchObject({ ok: true, timestamp: expect.any(String) });
    const ready = await get('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body)).toMatchObject({
      status: 'ok',
      details: {
        database: { status: 'up', latencyMs: expect.any(Number) },
        migrations: { status: 'up' },
        redis: { status: 'up' },
      },
    });
    const status = JSON.parse((await get('/api/agent?action=status')).body) as object;
    expect(status).toEqual({
      ok: true,
      service: 'a2a-mcp-server',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      time: expect.any(String),
      agents: { total: 0, enabled: 0, disabled: 0, categories: {}, tags: {} },
    });
    const other = await get('/api/agent?action=stop');
    expect(other).toMatchObject({
      status: 400,
      body: JSON.stringify({ ok: false, error: { code: 'ERR_BAD_REQUEST', message: 'unsupported action' } }),
    });
  });

  test('every route of the router is in the OpenAPI document, and nothing else', async () => {
    const document = JSON.parse((await get('/api/openapi.json')).body) as { paths: Record<string, object> };
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const mapped = server.logs.flatMap(({ message }) => {
      const [, path, method] = /^Mapped \{([^,]+), ([A-Z]+)\} route$/.exec(message) ?? [];
      return path === undefined ? [] : [`${method} ${path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}')}`];
    });
    expect(mapped.length).toBeGreaterThan(15);
    expect(described.filter((route) => !route.endsWith(' /mcp')).toSorted()).toEqual(mapped.toSorted());
    expect(document.paths['/api/v1/agents']).toMatchObject({
      post: { requestBody: expect.any(Object), responses: { 201: expect.any(Object) } },
    });
    expect((await get('/api/docs')).status).toBe(200);
  });

  test('an unknown path is a problem document with the request id', async () => {
    const { status, type, body } = await get('/nowhere');
    expect({ status, type }).toEqual({ status: 404, type: expect.stringContaining('application/problem+json') });
    expect(JSON.parse(body)).toMatchObject({ status: 404, code: 'not_found', requestId: expect.any(String) });
  });

  test('a body above 4 MiB is 413 before it is sent', async () => {
    const headers = {
      authorization: `Bearer ${ADMIN_KEY}`,
      'content-type': 'application/json',
      'content-length': (4 << 20) + 1,
    };
    const sent = request(`${server.url}/api/v1/agents`, { method: 'POST', headers });
    sent.flushHeaders();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(JSON.parse(await text(response))).toMatchObject({ code: 'too_large' });
    sent.destroy();
  });

  test('metrics have the runbook names from the start, and probes leave no log lines', async () => {
    const before = server.logs.length;
    const { body } = await get('/metrics');
    for (const name of [
      'a2a_agents_total 0',
      'a2a_agents_enabled 0',
      'a2a_errors_total{error_type="internal"} 0',
      'a2a_requests_created_total 0',
      'a2a_requests_completed_total{status="done"} 0',
      'a2a_running_jobs 0',
      'a2a_response_time_bucket{le="8000"}',
      'a2a_response_time_bucket{le="10000"}',
      'a2a_response_time_seconds_bucket{le="8",door="mcp"} 0',
      'a2a_response_time_seconds_bucket{le="10",door="mcp"} 0',
      'a2a_database_connections{state="size"}',
      'a2a_build_info{version="',
      'process_resident_memory_bytes',
    ])
      expect(body).toContain(name);
    await get('/healthz');
    await get('/readyz');
    expect(server.logs.length).toBe(before);
  });
});

describe('in a heap like a container has', () => {
  // V8 lets garbage lie while there is room, as much as the machine has; in a small heap only a leak grows.
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { NODE_OPTIONS: '--max-old-space-size=128' } });
  });
  afterAll(() => server.stop());

  const scrape = async () => (await fetch(`${server.url}/metrics`)).text();
  const initialize = async () => {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    const headers = {
      accept: 'application/json, text/event-stream',
      'x-api-key': ADMIN_KEY,
      'content-type': 'application/json',
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
    const response = await fetch(`${server.url}/mcp`, { method: 'POST', headers, body });
    await response.text();
    if (!response.headers.has('mcp-session-id')) throw new Error(`no session: HTTP ${response.status}`);
  };
  const often = async (times: number, what: () => Promise<unknown>) => {
    for (let done = 0; done < times; done += 8) await Promise.all(Array.from({ length: 8 }, what));
  };
  const resident = async () => Number(/^process_resident_memory_bytes (\S+)$/m.exec(await scrape())?.[1]);

  test.each([
    ['scrapes', scrape],
    ['abandoned sessions', initialize],
  ])(
    '10,000 %s take no more memory than 1,000',
    async (_, what) => {
      await often(1_000, what);
      const early = await resident();
      await often(9_000, what);
      expect(await resident()).toBeLessThanOrEqual(early * 1.1);
    },
    90_000,
  );
});

test('SIGTERM ends it with exit 0, streams of clients included', async () => {
  const server = await startServer();
  const client = await server.mcp('legacy', undefined, { tools: { onChanged: () => undefined } });
  const started = performance.now();
  await server.stop();
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(5_000);
  await client.close();
});

test('/metrics asks for its token when there is one', async () => {
  await using server = await startServer({ env: { METRICS_TOKEN: 'scrape-me-please-0815' } });
  expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
  expect(
    (await fetch(`${server.url}/metrics`, { headers: { authorization: 'Bearer scrape-me-please-0815X' } })).status,
  ).toBe(401);
  expect(
    (await fetch(`${server.url}/metrics`, { headers: { authorization: 'Bearer scrape-me-please-0815' } })).status,
  ).toBe(200);
});

describe('configuration', () => {
  test('all problems are listed at once, and the process ends with 1', async () => {
    const program = launch({
      PORT: '70000',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://x',
      SECRET_KEYS: 'k1:short',
      ALLOWED_NETWORKS: '10.0.0.0/33',
    });
    expect(await program.exited).toEqual({ code: 1, signal: null });
    for (const name of ['PORT', 'LOG_LEVEL', 'DATABASE_URL', 'SECRET_KEYS', 'ALLOWED_NETWORKS'])
      expect(program.stderr()).toMatch(new RegExp(`^  ${name}`, 'm'));
    expect(program.stderr()).not.toContain('at ');
  });

  test('a given PostgreSQL needs SECRET_KEYS', async () => {
    const program = launch({ DATABASE_URL: 'postgres://127.0.0.1/x', SECRET_KEYS: undefined });
    expect((await program.exited).code).toBe(1);
    expect(program.stderr()).toContain('SECRET_KEYS: required with a given PostgreSQL');
  });

  test('main.js config prints what is in force, with secrets masked', async () => {
    const program = launch({ POSTGRES_HOST: 'db', POSTGRES_PASSWORD: 'hunter2', PORT: '3001' }, ['config']);
    expect((await program.exited).code).toBe(0);
    const printed = program.logs.map(({ message }) => message).join('\n');
    const effective = JSON.parse(printed) as object;
    expect(effective).toMatchObject({
      PORT: 3001,
      POSTGRES_HOST: 'db',
      POSTGRES_DB: 'a2a_mcp',
      POSTGRES_PASSWORD: '********',
      SECRET_KEYS: '********',
      ADMIN_API_KEY: '********',
    });
    expect(printed).not.toContain('hunter2');
  });

  test('docs/configuration.md is what the schema says', () => {
    expect(readFileSync('docs/configuration.md', 'utf8')).toBe(configurationPage());
  });

  test('docs/metrics.md is what the server measures', async () => {
    const page = readFileSync('docs/metrics.md', 'utf8');
    expect(page).toBe(await metricsPage());
    await using server = await startServer();
    const scraped = await (await fetch(`${server.url}/metrics`)).text();
    const namesIn = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map(([, name]) => name));
    expect(namesIn(scraped, /^# TYPE (a2a_\w+) /gm)).toEqual(namesIn(page, /^\| `(a2a_\w+)`/gm));
  });

  test('an unknown command is refused by name', async () => {
    const program = launch({}, ['sevre']);
    expect((await program.exited).code).toBe(1);
    expect(program.stderr()).toContain('Unknown command sevre');
  });
});
