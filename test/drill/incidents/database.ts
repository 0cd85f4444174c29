import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.js';
import type { Incident } from './incident.js';

const DOWN_MS = 4_000;
const SEEN_MS = 2_500;

/** PostgreSQL is stopped and started again. */
export const database: Incident = {
  name: 'database',
  chapter: 'Database down (SEV1)',
  play: async (site, report) => {
    const { postgres } = site.services;
    const pids = site.replicas.map(({ pid }) => pid).join();
    const tasks = [await site.startTask('long-runner', 'for 8 s'), await site.startTask('long-runner', 'for 2 s')];
    report.saw('before', {
      'ready servers': await site.count('/readyz'),
      'alive servers': await site.count('/healthz'),
    });

    await postgres.stop();
    await until('no server is ready', async () => (await site.count('/readyz')) === 0, 20_000);
    const readiness = await site.first.readiness();
    const refused = await site.ask('GET', '/api/v1/tasks', undefined, undefined, site.first.url);
    await sleep(DOWN_MS);
    report.saw('during', {
      'ready servers': await site.count('/readyz'),
      'alive servers': await site.count('/healthz'),
      'a call straight to a server': refused.status,
      'alert: part of 5xx': await site.alert('High Error Rate'),
    });
    report.expect('/readyz names the database', /"database":\{[^}]*"status":"down"/.test(readiness?.text ?? ''));
    report.expect('every server lives on', (await site.count('/healthz')) === site.replicas.length);
    report.expect('a call is refused with 503', refused.status === 503);
    const log = await site.operator.mustType('kubectl logs -n a2a-mcp -l app=a2a-mcp | grep ERROR');
    report.expect('the log says so', log.includes('Cannot connect to database'));

    const started = performance.now();
    await postgres.startAgain();
    await site.allReady();
    const seconds = (performance.now() - started) / 1_000;
    const since = performance.now();
    const states = await site.ended(tasks, 40_000);
    const verify = `kubectl exec -it -n a2a-mcp <a2a-pod> -- node -e "new (require('pg').Pool)().query('select 1').then(() => process.exit(0))"`;
    await site.operator.mustType(verify);
    await sleep(SEEN_MS);
    const { calls, failed, failures } = site.load.since(since);
    report.saw('after', {
      'ready servers': await site.count('/readyz'),
      'alive servers': await site.count('/healthz'),
      'seconds until ready': seconds,
      'tasks that ran': states.join(', '),
      'calls since then': calls,
      'of them failed': failed,
    });
    report.expect('no process was started anew', site.replicas.map(({ pid }) => pid).join() === pids);
    report.expect(
      'tasks that ran are completed',
      states.every((state) => state === 'completed'),
    );
    report.expect(`calls go well again, not: ${failures.join('; ')}`, calls > 0 && failed === 0);
  },
};
