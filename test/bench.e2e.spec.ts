import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { ADMIN_KEY, startServer } from './support/server.js';

const run = promisify(execFile);
const NAMES = ['core', 'latency', 'start'];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'a2a-bench-spec-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('the benchmarks run and write what they measured', { timeout: 60_000 }, async () => {
  const file = join(directory, 'report.json');
  await run(process.execPath, ['scripts/bench.mjs', ...NAMES, '--quick', '--json', file]);
  const report = JSON.parse(await readFile(file, 'utf8')) as {
    machine: { node: string };
    benchmarks: Record<string, Record<string, number>>;
  };
  expect(report.machine.node).toBe(process.version);
  expect(Object.keys(report.benchmarks)).toEqual(NAMES);
  const { core, latency, start } = report.benchmarks;
  expect(Object.values({ ...core, ...start }).every((value) => value > 0)).toBe(true);
  expect(latency).toMatchObject({ saturation: expect.toSatisfy((rate: number) => rate > 1) });
});

test('an unknown benchmark is refused by name', async () => {
  await expect(run(process.execPath, ['scripts/bench.mjs', 'speed'])).rejects.toMatchObject({
    code: 1,
    stderr:
      'No benchmark speed; there are core, key, access, agent, latency, start, durable, workflows, replicas, lag, expressions, streams\n',
  });
});

describe('an installed server', () => {
  const bench = (...args: string[]) => run(process.execPath, ['scripts/bench.mjs', ...args]);
  interface Part {
    readonly requests: number;
    readonly perSecond: number;
    readonly p50: number;
    readonly p99: number;
    readonly errors: Record<string, number>;
  }

  test('is driven within bounds, and told of in rates and percentiles', { timeout: 60_000 }, async () => {
    await using agents = await startAgents();
    await using server = await startServer();
    // Which answers is found out.
    await server.json(201, 'POST', '/api/v1/agents', { card: { name: 'Gone', url: 'http://127.0.0.1:9/' }, slug: 'a' });
    for (const slug of ['asker', 'echo'])
      await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });
    const file = join(directory, 'installed.json');
    const bounds = ['--seconds', '20', '--concurrency', '3', '--requests', '30'];
    const { stdout } = await bench('--url', server.url, '--key', ADMIN_KEY, ...bounds, '--json', file);
    expect(stdout).toContain('3 callers at a time, each part for at most 20 s and 30 requests');
    const { parts } = JSON.parse(await readFile(file, 'utf8')) as { parts: Record<string, Part> };
    expect(Object.keys(parts)).toEqual(['tools/list', 'call of echo', 'WebSocket follow of echo']);
    for (const [name, part] of Object.entries(parts)) {
      expect({ name, ...part }).toMatchObject({ requests: 30, errors: {} });
      expect(part.perSecond).toBeGreaterThan(0);
      expect(part.p99).toBeGreaterThanOrEqual(part.p50);
      expect(stdout).toContain(`${name}: 30 in all`);
    }
    expect((await agents.ledger('echo')).messages).toHaveLength(61);
    // Whoever asks back does not answer, and is not left waiting.
    const waiting = await server.json<{ items: unknown[] }>(200, 'GET', '/api/v1/tasks?state=input-required');
    expect(waiting.items).toEqual([]);
    const asker = await bench('--url', server.url, '--key', ADMIN_KEY, '--agent', 'asker', '--requests', '1').catch(
      (error: unknown) => error,
    );
    expect(asker).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/not completed but input-required.*not done but input_required/s),
    });
  });

  test('whose callers are refused tells why, and fails', { timeout: 60_000 }, async () => {
    await using server = await startServer({ env: { RATE_LIMIT_PER_MINUTE: '1', RATE_LIMIT_BURST: '2' } });
    const { key } = await server.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', { name: 'bench' });
    const bounds = ['--agent', 'nobody', '--seconds', '20', '--concurrency', '2', '--requests', '6'];
    const refused = bench('--url', `${server.url}/mcp`, '--key', key, ...bounds);
    await expect(refused).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /tools\/list: 2 in all.*\n {2}4 × HTTP 429 \(rate limited\)\ncall of nobody: 0 in all/s,
      ),
    });
  });

  test.each([
    [
      ['--url', 'ftp://a2a.example.com', '--key', 'k'],
      '--url: expected an address that begins with http:// or https://',
    ],
    [
      ['--url', 'a2a.example.com:3000', '--key', 'k'],
      '--url: expected an address that begins with http:// or https://',
    ],
    [['--url', 'http://127.0.0.1:9'], '--key: expected an API key of the server'],
    [
      ['--url', 'http://127.0.0.1:9', '--key', 'k', '--seconds', '601'],
      '--seconds: expected a whole number from 1 to 600',
    ],
    [
      ['--url', 'http://127.0.0.1:9', '--key', 'k', '--concurrency', '0'],
      '--concurrency: expected a whole number from 1',
    ],
    [['--url', 'http://127.0.0.1:9', '--key', 'k'], 'connect ECONNREFUSED 127.0.0.1:9'],
  ])('%j is refused: %s', async (args, reason) => {
    await expect(bench(...args)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(reason) });
  });
});
