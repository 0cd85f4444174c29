import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { dashboard } from '../helm/dashboard/dashboard.js';
import { startAgents } from './support/agents.js';
import { committedDashboard, dashboardQueries, measured, metricsIn, rules } from './support/expressions.js';
import { principal } from './support/principals.js';
import { findPrometheus, promtool, startPrometheus } from './support/prometheus.js';
import { startServer, type TestServer } from './support/server.js';
import { until } from './support/until.js';
import { asAdmin, openSocket } from './support/ws-client.js';

/** Of kube-state-metrics and cAdvisor: there only in a cluster, here from an exporter of the test. */
const OF_THE_CLUSTER = [
  'container_memory_working_set_bytes{container="a2a-mcp", pod="p1", namespace="a2a-mcp"} 900',
  'kube_pod_container_resource_limits{container="a2a-mcp", pod="p1", namespace="a2a-mcp", resource="memory"} 1000',
  'kube_pod_container_status_restarts_total{container="a2a-mcp", pod="p1", namespace="a2a-mcp"} 1',
  'kube_cronjob_created{cronjob="a2a-mcp-backup", namespace="a2a-mcp"} 1600000000',
  'kube_cronjob_status_last_successful_time{cronjob="a2a-mcp-backup", namespace="a2a-mcp"} 1700000000',
];
const clusterNames = OF_THE_CLUSTER.map((line) => line.slice(0, line.indexOf('{')));

/** True only when there is no server at all; its opposite is asked instead. */
const ONLY_WITHOUT_A_SERVER = 'absent(a2a_build_info)';

/** What `promtool check metrics` says of names that the runbook fixes. */
const FIXED_BY_THE_RUNBOOK = ['a2a_agents_total non-counter metrics should not have "_total" suffix'];
/** Of prom-client's own metrics. */
const OF_PROM_CLIENT = /^nodejs_/;

async function startExporter() {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`${OF_THE_CLUSTER.join('\n')}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A little of everything that the metrics tell of. */
async function load(server: TestServer): Promise<void> {
  const client = await server.mcp();
  const { key } = await principal(server, { roles: ['user'], principal: 'user:hasty' });
  const hasty = { authorization: `Bearer ${key}` };
  for (let i = 0; i < 6; i++) {
    await client.callTool({ name: 'echo', arguments: { message: `call ${i}` } });
    await server.call('POST', '/api/v1/tasks', { agent: 'flaky', message: 'hi' }, { prefer: 'wait=1' });
    await server.call('GET', '/api/v1/tasks/none');
    await Promise.all(
      Array.from({ length: 40 }, () => fetch(`${server.url}/api/v1/permissions/me`, { headers: hasty })),
    );
    const socket = await openSocket(server.streamUrl, asAdmin);
    await socket.ask('list_agents');
    await sleep(250);
    await socket.close();
  }
  await client.close();
}

test('the dashboard that is committed is the one that is built', () => {
  expect(committedDashboard()).toEqual(JSON.parse(JSON.stringify(dashboard())));
});

test('the dashboard: variables, titles that differ, links to chapters that there are', async () => {
  const { templating, panels = [], annotations } = committedDashboard();
  expect(templating?.list?.map(({ name }) => name)).toEqual(['datasource', 'namespace', 'job', 'pod']);
  const titles = panels.map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
  expect(annotations?.list?.map(({ name }) => name)).toEqual(['Version changes']);
  const anchors = panels.flatMap((panel) => ('links' in panel ? (panel.links ?? []) : [])).map(({ url }) => url);
  expect(anchors.length).toBeGreaterThan(10);
  const known = await chapters();
  expect(anchors.filter((url) => !known.has(String(url).split('#')[1] ?? ''))).toEqual([]);
});

async function chapters(): Promise<Set<string>> {
  const { readFile } = await import('node:fs/promises');
  const page = await readFile('docs/runbook.md', 'utf8');
  return new Set(
    [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe.skipIf(!findPrometheus())('under load', () => {
  test('every expression of the rules and of the dashboard returns data from a live Prometheus', async () => {
    await using agents = await startAgents();
    await using exporter = await startExporter();
    await using server = await startServer({ env: { RATE_LIMIT_BURST: '30', RATE_LIMIT_PER_MINUTE: '600' } });
    for (const slug of ['echo', 'flaky'])
      await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });
    await using prometheus = await startPrometheus({
      'a2a-mcp': [new URL(server.url).host],
      'kube-state-metrics': [exporter.host],
    });
    await until('all are scraped', async () => (await prometheus.query('up == 1')).length === 2, 20_000);
    await load(server);
    await sleep(2_500);

    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const exported = new Set([...metrics.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name));
    const ofRules = rules().flatMap(({ alert, expr }) => measured(expr).map((part) => ({ title: alert, expr: part })));
    for (const { expr } of rules()) await prometheus.query(expr); // takes each as it is
    const queries = [...ofRules, ...dashboardQueries()];
    expect(queries.length).toBeGreaterThan(60);
    const problems: string[] = [];
    for (const { title, expr } of queries) {
      const unknown = metricsIn(expr).filter(
        (name) =>
          !exported.has(name.replace(/_(bucket|count|sum)$/, '')) &&
          !exported.has(name) &&
          !clusterNames.includes(name),
      );
      if (unknown.length > 0) problems.push(`${title}: no metric ${unknown.join(', ')}`);
      const asked = expr === ONLY_WITHOUT_A_SERVER ? 'a2a_build_info' : expr;
      const found = await prometheus.query(asked).catch((error: Error) => error);
      if (found instanceof Error) problems.push(`${title}: ${found.message}`);
      else if (found.length === 0) problems.push(`${title}: no data: ${expr}`);
    }
    expect(problems).toEqual([]);
    expect(await prometheus.query(ONLY_WITHOUT_A_SERVER)).toEqual([]);

    const seen = async (expr: string) => Number((await prometheus.query(expr))[0]?.value[1]);
    expect(await seen('sum(a2a_requests_completed_total{status="done"})')).toBeGreaterThanOrEqual(6);
    expect(await seen('sum(a2a_rate_limit_exceeded_total{limit="principal"})')).toBeGreaterThan(0);
    expect(await seen('sum(a2a_errors_total)')).toBeGreaterThan(0);
    expect(await seen('sum(a2a_websocket_messages_total{direction="in"})')).toBeGreaterThanOrEqual(6);
    expect(await seen('max(a2a_executors)')).toBe(1);

    const { output } = promtool(['check', 'metrics'], metrics);
    const findings = output.split('\n').filter((line) => line.trim() !== '' && !OF_PROM_CLIENT.test(line));
    expect(findings).toEqual(FIXED_BY_THE_RUNBOOK);
  }, 90_000);
});
