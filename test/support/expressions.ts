import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

export const RULES_FILE = 'helm/a2a-mcp/files/rules.yaml';
export const DASHBOARD_FILE = 'helm/a2a-mcp/files/dashboard.json';

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

export function rules(): Rule[] {
  const { groups } = parse(readFileSync(RULES_FILE, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

export const committedDashboard = (): Dashboard => JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8')) as Dashboard;

/** Every query of the dashboard by the title of its panel, with "All" chosen everywhere. */
export function dashboardQueries(): { readonly title: string; readonly expr: string }[] {
  const { panels = [], annotations } = committedDashboard();
  const ofPanels = panels.flatMap((panel) =>
    'targets' in panel && Array.isArray(panel.targets)
      ? (panel.targets as unknown as { expr: string }[]).map(({ expr }) => ({ title: String(panel.title), expr }))
      : [],
  );
  const ofAnnotations = (annotations?.list ?? []).flatMap(({ name, target }) => {
    const { expr } = (target ?? {}) as { expr?: string };
    return expr === undefined ? [] : [{ title: String(name), expr }];
  });
  return [...ofPanels, ...ofAnnotations].map(({ title, expr }) => ({
    title,
    expr: expr.replaceAll(/\$(namespace|job|pod)\b/g, '.*').replaceAll('$__rate_interval', '1m'),
  }));
}

/**
 * What an alert looks at, without its threshold: that always has data. One of several parts may be empty for a reason; then
 * it is the series that each of them reads.
 */
export function measured(expr: string): string[] {
  if (!/\b(or|unless)\b/.test(expr)) return [expr.trim().replace(/\s*>\s*[\d.]+$/, '')];
  return expr.match(/\b(a2a|kube|container)_[a-z0-9_]+(\{[^}]*\})?/g) ?? [];
}

/** Names of metrics in an expression: what is neither a label, a function nor a keyword. */
export const metricsIn = (expr: string): string[] => [
  ...new Set(expr.replaceAll(/"[^"]*"/g, '""').match(/\b(a2a|process|nodejs|kube|container)_[a-z0-9_]+/g) ?? []),
];
