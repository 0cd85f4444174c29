import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { findPrometheus, promtool } from './support/prometheus.js';
import { rules, RULES_FILE } from './support/expressions.js';

interface Case {
  /** Series (in promtool's notation, a value a step) with which it fires, and with which it does not. */
  readonly fires: Readonly<Record<string, string>>;
  readonly rests: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly atMinutes?: number;
  /** Between two values and two evaluations; 1. */
  readonly stepMinutes?: number;
}

const UP = { 'a2a_build_info{version="1"}': '1x200' };
const answers = (failing: number) => ({
  'a2a_http_responses_total{status_class="2xx"}': `0+${100 - failing}x60`,
  'a2a_http_responses_total{status_class="5xx"}': `0+${failing}x60`,
});
const slow = (under5: number, under8: number, under10: number) => ({
  'a2a_response_time_seconds_bucket{door="mcp", le="5"}': `0+${under5}x60`,
  'a2a_response_time_seconds_bucket{door="mcp", le="8"}': `0+${under8}x60`,
  'a2a_response_time_seconds_bucket{door="mcp", le="10"}': `0+${under10}x60`,
  'a2a_response_time_seconds_bucket{door="mcp", le="+Inf"}': `0+${under10}x60`,
});
const memory = (bytes: number) => ({
  'container_memory_working_set_bytes{container="a2a-mcp", pod="p1"}': `${bytes}x60`,
  'kube_pod_container_resource_limits{container="a2a-mcp", pod="p1", resource="memory"}': '1000x60',
});

/** The thresholds of the runbook, just above and just below. */
const CASES: Readonly<Record<string, Case>> = {
  'Complete Outage': { fires: { 'other{}': '1x60' }, rests: UP },
  'Database Connection Failures': {
    fires: { 'a2a_database_connect_failures_total{reason="unreachable"}': '0+5x60' },
    rests: {
      'a2a_database_connect_failures_total{reason="unreachable"}': '7x60',
      'a2a_database_connections{state="waiting"}': '0x60',
    },
  },
  'High Error Rate': { fires: answers(3), rests: answers(2) },
  'Slow Responses': { fires: slow(50, 90, 100), rests: slow(90, 96, 100) },
  'High Memory Usage': { fires: memory(910), rests: memory(890), labels: { pod: 'p1' } },
  'Pod Restarts': {
    fires: { 'kube_pod_container_status_restarts_total{container="a2a-mcp", pod="p1"}': '0x24 1x36' },
    rests: { 'kube_pod_container_status_restarts_total{container="a2a-mcp", pod="p1"}': '3x60' },
    labels: { container: 'a2a-mcp', pod: 'p1' },
  },
  'WebSocket Disconnections': {
    fires: { 'a2a_websocket_closed_total{reason="lost"}': '0+12x60' },
    rests: {
      'a2a_websocket_closed_total{reason="client"}': '0+900x60',
      'a2a_websocket_closed_total{reason="lost"}': '0+9x60',
    },
  },
  'High Rate Limit Hits': {
    fires: { 'a2a_rate_limit_exceeded_total{limit="principal"}': '0+150x60' },
    rests: { 'a2a_rate_limit_exceeded_total{limit="principal"}': '0+90x60' },
  },
  'Rate Limits Counted Alone': {
    fires: { a2a_rate_limit_local_decisions_total: '0+5x60' },
    rests: { a2a_rate_limit_local_decisions_total: '12x60' },
  },
  'Backup Missing': {
    fires: { 'kube_cronjob_status_last_successful_time{cronjob="a2a-mcp-backup"}': '0x80' },
    rests: { 'kube_cronjob_status_last_successful_time{cronjob="a2a-mcp-backup"}': '0+1800x80' },
    atMinutes: 2_310,
    stepMinutes: 30,
  },
};

const hasPrometheus = findPrometheus();
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'a2a-rules-'));
  // The one change that the chart makes too.
  const text = readFileSync(RULES_FILE, 'utf8').replaceAll('RUNBOOK#', 'docs/runbook.md#');
  writeFileSync(join(directory, 'rules.yaml'), text);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What promtool says of an alert under these series. */
function judged(
  alert: string,
  series: Readonly<Record<string, string>>,
  fires: boolean,
): { status: number | null; output: string } {
  const { labels = {}, atMinutes = 30, stepMinutes = 1 } = CASES[alert] ?? {};
  const rule = rules().find((one) => one.alert === alert);
  const expected = {
    exp_labels: { severity: rule?.labels.severity ?? '', ...labels },
    exp_annotations: {
      summary: (rule?.annotations.summary ?? '').replace('{{ $labels.pod }}', labels['pod'] ?? ''),
      runbook_url: (rule?.annotations.runbook_url ?? '').replace('RUNBOOK#', 'docs/runbook.md#'),
    },
  };
  const file = join(directory, 'test.yaml');
  const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  const alert_rule_test = [{ eval_time: `${atMinutes}m`, alertname: alert, exp_alerts: fires ? [expected] : [] }];
  const tests = [{ interval: `${stepMinutes}m`, input_series, alert_rule_test }];
  writeFileSync(file, JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: `${stepMinutes}m`, tests }));
  return promtool(['test', 'rules', file]);
}

test('every alert has a case', () => {
  expect(Object.keys(CASES).toSorted()).toEqual(
    rules()
      .map(({ alert }) => alert)
      .toSorted(),
  );
});

describe.skipIf(!hasPrometheus)('promtool', () => {
  test('takes the rules', () => {
    expect(promtool(['check', 'rules', join(directory, 'rules.yaml')])).toMatchObject({ status: 0 });
  });

  test.each(Object.entries(CASES))('%s fires above its threshold and rests below it', (alert, { fires, rests }) => {
    expect(judged(alert, fires, true)).toMatchObject({ status: 0 });
    expect(judged(alert, rests, false)).toMatchObject({ status: 0 });
    // A test that passes whatever is expected would tell nothing.
    expect(judged(alert, rests, true).status).not.toBe(0);
  });

  test('takes the configuration of docker-compose.yaml', () => {
    const { configs } = parse(readFileSync('docker-compose.yaml', 'utf8')) as {
      configs: { prometheus: { content: string } };
    };
    const file = join(directory, 'prometheus.yml');
    writeFileSync(file, configs.prometheus.content);
    expect(promtool(['check', 'config', file])).toMatchObject({ status: 0 });
  });
});
