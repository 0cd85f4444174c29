import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startFixture } from './support/mcp-fixture.js';

const require = createRequire(import.meta.url);
const HOOK = join(import.meta.dirname, 'support/conformance-on-node20.mjs');
const TIMEOUT_MS = 120_000;

/** `passed` is what the suite reached when this was written: an empty or shortened run must not pass for a full one. */
const RUNS = [
  { suite: '@modelcontextprotocol/conformance', options: ['--suite', 'all'], passed: 43 },
  { suite: '@modelcontextprotocol/conformance-2026', options: ['--requirements', '2025-11-25'], passed: 80 },
  { suite: '@modelcontextprotocol/conformance-2026', options: ['--requirements', '2026-07-28'], passed: 195 },
];

for (const { suite, options, passed } of RUNS) {
  test(
    `the core passes ${suite} ${options.join(' ')} without an exception`,
    async () => {
      await using fixture = await startFixture();
      const { code, output } = await runSuite(suite, ['server', '--url', fixture.url, ...options]);
      const totals = /Total: (\d+) passed, (\d+) failed/.exec(output);
      expect(totals?.[2], output).toBe('0');
      expect(Number(totals?.[1]), output).toBeGreaterThanOrEqual(passed);
      expect(code, output).toBe(0);
    },
    TIMEOUT_MS,
  );
}

async function runSuite(suite: string, args: string[]): Promise<{ code: number; output: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'conformance-'));
  const main = require.resolve(`${suite}/dist/index.js`);
  try {
    return await new Promise((resolve) => {
      const options = { cwd, timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(process.execPath, ['--import', HOOK, main, ...args], options, (_error, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, output: stdout + stderr });
      });
    });
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
