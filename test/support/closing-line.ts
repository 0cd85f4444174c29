import type { Reporter, TestModule, TestRunEndReason, SerializedError } from 'vitest/node';

/** Ends the output with one line that says how it went. In CI a skipped test is a failure: nothing may be left out. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], _reason: TestRunEndReason): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) {
      const states = [...module.children.allTests()].map((test) => test.result().state);
      for (const state of states) count[state === 'pending' ? 'failed' : state]++;
      if (module.state() === 'failed' && !states.includes('failed')) count.failed++;
    }
    if (count.passed + count.failed + count.skipped === 0) count.failed++;
    if (process.env.CI && count.skipped > 0) process.exitCode = 1;
    if (count.failed > 0) process.exitCode = 1;
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    process.once('exit', () => process.stdout.write(`${count.passed} passed, ${count.failed} failed${skipped}\n`));
  }
}
