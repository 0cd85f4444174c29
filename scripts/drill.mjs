/**
 * `npm run drill [-- INCIDENT …]`: the incidents of docs/runbook.md one after another, on three servers with a PostgreSQL, a
 * Redis and a Prometheus of their own, each with what was seen before and after. Ends with 1 when something was not as it should be.
 */
import { parseArgs } from 'node:util';
import { build, findServices, install, local, run } from './set-up.mjs';

const INCIDENTS = ['memory', 'error-rate', 'disconnections', 'database', 'rate-limits', 'complete-restart', 'restore'];

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((name) => !INCIDENTS.includes(name));
if (unknown.length > 0) {
  console.error(`No incident ${unknown.join(', ')}; there are ${INCIDENTS.join(', ')}`);
  process.exit(1);
}
const DRILL = (positionals.length > 0 ? positionals : INCIDENTS).join();

install();
build();
findServices();
const reporters = ['--reporter=default', '--reporter=./test/support/closing-line.ts'];
run(local('vitest'), ['run', '--disable-console-intercept', ...reporters, 'test/drill/drill.e2e.spec.ts'], {
  // Nothing is left out for want of a program.
  env: { ...process.env, DRILL, CI: 'true' },
});
