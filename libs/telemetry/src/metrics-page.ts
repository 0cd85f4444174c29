import { register } from 'prom-client';
import { Metrics } from './metrics.js';

/** `docs/metrics.md`, written from the metrics themselves so that it cannot drift. */
export async function metricsPage(): Promise<string> {
  new Metrics(); // registers them
  const metrics = (await register.getMetricsAsJSON()).filter(({ name }) => name.startsWith('a2a_'));
  const rows = metrics
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, help, values }) => `| \`${name}\` | ${String(type)} | ${labelsIn(values)} | ${help} |`);
  return [
    '# Metrics',
    '',
    'At `/metrics` of each replica, beside the usual ones of the process (`process_*`, `nodejs_*`). Labels are bounded: agents beyond the',
    'first 200 count as `other`. Series are there from the start, with 0.',
    '',
    '| metric | type | labels | what it tells |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** `le` and `quantile` are of the format. */
function labelsIn(values: readonly { readonly labels?: object }[]): string {
  const names = new Set(values.flatMap(({ labels = {} }) => Object.keys(labels)));
  return [...names]
    .filter((name) => name !== 'le' && name !== 'quantile')
    .map((name) => `\`${name}\``)
    .join(', ');
}
