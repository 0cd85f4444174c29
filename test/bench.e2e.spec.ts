import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

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
      'No benchmark speed; there are core, key, access, agent, latency, start, durable, replicas, lag, expressions, streams\n',
  });
});
