import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.js';
import type { Site } from '../support/site.js';
import type { Incident } from './incident.js';

const CALLS = 30;
const SEEN_MS = 2_500;
const SEEN_WITHIN_MS = 20_000;
const QUERY = `curl -g 'http://prometheus:9090/api/v1/query?query=rate(a2a_errors_total[5m])'`;

/** An agent fails at whatever it is asked. */
export const errorRate: Incident = {
  name: 'error-rate',
  chapter: 'Issue: High Error Rate',
  play: async (site, report) => {
    const since = performance.now();
    report.saw('before', await view(site));
    const tasks = await Promise.all(Array.from({ length: CALLS }, () => site.startTask('flaky', 'please fail')));
    report.expect(
      'each ends failed',
      (await site.ended(tasks, 30_000)).every((state) => state === 'failed'),
    );
    const counted = async () => (await view(site))['errors of agents'] >= CALLS;
    await until('Prometheus has seen them', counted, SEEN_WITHIN_MS).catch(() => undefined);
    const during = await view(site);
    report.saw('during', during);
    report.expect('the failures count as the agent’s', during['errors of agents'] >= CALLS);
    report.expect('and not as ours: the alert stays silent', during['alert: part of 5xx'] < 0.02);
    const told = await site.operator.mustType(QUERY);
    report.expect('the query of the runbook names the type', told.includes('"error_type":"agent"'));

    await site.json(200, 'POST', '/api/v1/agents/flaky/disable');
    const body = { agent: 'flaky', message: 'please fail' };
    const call = (base?: string) => site.ask('POST', '/api/v1/tasks', body, undefined, base);
    await site.everywhere('nobody is let through', call, ({ status }) => status === 404).catch(() => undefined);
    const refused = await call();
    await sleep(SEEN_MS);
    const { calls, failed, failures } = site.load.since(since);
    report.saw('after', {
      ...(await view(site)),
      'a call to the disabled agent': refused.status,
      'calls of others': calls,
      'of them failed': failed,
    });
    report.expect('nobody reaches a disabled agent', refused.status === 404);
    report.expect(`calls to other agents go on, not: ${failures.join('; ')}`, failed === 0);
    await site.json(200, 'POST', '/api/v1/agents/flaky/enable');
  },
};

const view = async (site: Site) => ({
  'errors of agents': await site.number('sum(a2a_errors_total{error_type="agent"})'),
  'alert: part of 5xx': await site.alert('High Error Rate'),
});
