import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { startServer } from './support/server.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}
const { groups } = parse(readFileSync('helm/a2a-mcp/files/rules.yaml', 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

/** Of the cluster, not of the server. */
const OF_THE_CLUSTER = /^(kube_|container_)/;
const WORDS = new Set([
  'sum',
  'rate',
  'max',
  'by',
  'le',
  'pod',
  'time',
  'absent',
  'increase',
  'histogram_quantile',
  'or',
  'unless',
]);

test('the alerts that the runbook names are there', () => {
  const names = rules.map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
  for (const name of [
    'High Memory Usage',
    'High Error Rate',
    'WebSocket Disconnections',
    'Database Connection Failures',
    'High Rate Limit Hits',
  ])
    expect(names).toContain(name);
});

test('every alert has a severity of the runbook and leads to a chapter of it', () => {
  const page = readFileSync('docs/runbook.md', 'utf8');
  const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const { alert, labels, annotations } of rules) {
    expect(labels.severity).toMatch(/^SEV[1-4]$/);
    expect(annotations.summary).not.toBe('');
    expect({ alert, leads: anchors.includes(annotations.runbook_url.replace('RUNBOOK#', '')) }).toEqual({
      alert,
      leads: true,
    });
  }
});

test('every metric and label that an alert asks for is one that the server has', async () => {
  await using server = await startServer();
  await server.json(200, 'GET', '/api/v1/agents');
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  for (const { alert, expr } of rules) {
    const names = [...expr.replaceAll(/\{[^}]*\}|"[^"]*"|\[[^\]]*\]/g, ' ').matchAll(/[a-z_][a-z0-9_]+/g)].map(
      ([name]) => name,
    );
    for (const name of names.filter((one) => !WORDS.has(one) && !OF_THE_CLUSTER.test(one)))
      expect({ alert, name, isThere: new RegExp(`^${name}(\\{| )`, 'm').test(metrics) }).toEqual({
        alert,
        name,
        isThere: true,
      });
    for (const [, name = '', label = '', value = ''] of expr.matchAll(/(a2a_\w+)\{(\w+)=~?"([^"]*)"/g))
      for (const one of value.split('|')) expect(metrics).toMatch(new RegExp(`^${name}\\{[^}]*${label}="${one}"`, 'm'));
  }
});
